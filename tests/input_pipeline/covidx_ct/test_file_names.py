# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.covidx_ct.file_names."""

import pytest

from input_pipeline.covidx_ct import file_names

_UID = '1.3.6.1.4.1.14519.5.2.1.6279.6001.268992195564407418480563388746'

# Name, patient and source; the sources as metadata.csv spells them.
_NAMES = [
  ('NCP_341_1834_0022.png', 'NCP_341', 'CNCB'),
  ('CP_1769_4133_0006.png', 'CP_1769', 'CNCB'),
  ('Normal_1668_6_0100.png', 'Normal_1668', 'CNCB'),
  ('137covid_patient76_SR_2_IM00014.png', 'patient76', 'COVID-CTset'),
  ('157covid_patient3_SR_3_IM00020.png', 'patient3', 'COVID-CTset'),
  ('normal_patient8_SR_2_IM00004.png', 'patient8', 'COVID-CTset'),
  ('normal4_patient377_SR_2_IM00004.png', 'patient377', 'COVID-CTset'),
  ('normalcd1_patient408_SR_2_IM00008.png', 'patient408', 'COVID-CTset'),
  ('cdnormal4_patient146_SR_2_IM00006.png', 'patient146', 'COVID-CTset'),
  ('volume-covid19-A-0573_ct-0010.png', 'volume-covid19-A-0573', 'TCIA'),
  ('volume-covid19-A-0573-0010.png', 'volume-covid19-A-0573', 'TCIA'),
  ('volume-covid19-A-0383_1_ct-0018.png', 'volume-covid19-A-0383_1', 'TCIA'),
  ('volume-covid19-A-0383_0-0018.png', 'volume-covid19-A-0383_0', 'TCIA'),
  (f'LIDC-IDRI-0273-{_UID}-0032.png', 'LIDC-IDRI-0273', 'LIDC-IDRI'),
  ('coronacases_010-0075.png', 'coronacases_010', 'COVID-19-CT-Seg'),
  ('radiopaedia_4_85506_1-0004.png', 'radiopaedia_4_85506', 'COVID-19-CT-Seg'),
  ('radiopaedia-11516-1-2-0004.png', 'radiopaedia-11516', 'radiopaedia.org'),
  ('HUST-Patient1-0005.png', 'HUST-Patient1', 'iCTCF'),
  ('COVIDCTMD-P002-IM0025.png', 'COVIDCTMD-P002', 'COVID-CT-MD'),
  ('COVIDCTMD-cap004-IM0068.png', 'COVIDCTMD-cap004', 'COVID-CT-MD'),
  ('COVIDCTMD-normal002-IM0001.png', 'COVIDCTMD-normal002', 'COVID-CT-MD'),
  ('STOIC-10011-0040.png', 'STOIC-10011', 'STOIC'),
  ('A002304-CT CHEST-W/O 1-3-0101.png', 'A002304', 'Stony Brook'),
  ('study_0255-0012.png', 'study_0255', 'MosMedData'),
]


@pytest.mark.parametrize(('name', 'patient', 'source'), _NAMES)
def test_each_kind_of_name_gives_patient_and_source(name, patient, source):
  assert file_names.parse(name) == (patient, source)


def test_the_table_above_has_every_family():
  matched = {
    i
    for i, family in enumerate(file_names.FAMILIES)
    for name, _, _ in _NAMES
    if family.pattern.fullmatch(name)
  }
  assert matched == set(range(len(file_names.FAMILIES)))


def test_no_name_is_of_two_families():
  for name, _, _ in _NAMES:
    matching = [f for f in file_names.FAMILIES if f.pattern.fullmatch(name)]
    assert len(matching) == 1, name


@pytest.mark.parametrize(
  ('first', 'second'),
  [
    ('NCP_91_1_0001.png', 'NCP_911_1_0001.png'),
    ('NCP_86_1_0001.png', 'NCP_869_1_0001.png'),
    ('NCP_7_1_0001.png', 'CP_7_1_0001.png'),
    ('HUST-Patient1-0005.png', 'HUST-Patient10-0005.png'),
    ('normal1_patient7_SR_2_IM00001.png', 'normal1_patient77_SR_2_IM00001.png'),
    ('volume-covid19-A-03_0_ct-0001.png', 'volume-covid19-A-03_1_ct-0001.png'),
    ('volume-covid19-A-0383_0-0001.png', 'volume-covid19-A-0383_1-0001.png'),
    ('volume-covid19-A-0383-0001.png', 'volume-covid19-A-0383_1-0001.png'),
    ('radiopaedia_10_85902_1-0001.png', 'radiopaedia_1_85902_1-0001.png'),
  ],
)  # fmt: skip
def test_names_that_begin_alike_are_two_patients(first, second):
  patients = {file_names.parse(name).patient_id for name in (first, second)}
  assert len(patients) == 2


@pytest.mark.parametrize(
  ('first', 'second'),
  [
    ('radiopaedia_10_85902_1-0001.png', 'radiopaedia_10_85902_3-0001.png'),
    ('NCP_91_1_0001.png', 'NCP_91_22_0001.png'),
    ('volume-covid19-A-0383_1-0001.png', 'volume-covid19-A-0383_1_ct-0002.png'),
    ('normal1_patient7_SR_2_IM00001.png', '137covid_patient7_SR_3_IM00009.png'),
    ('radiopaedia-11516-1-2-0004.png', 'radiopaedia-11516-2-1-0004.png'),
  ],
)
def test_scans_of_one_patient_are_one_patient(first, second):
  patients = {file_names.parse(name).patient_id for name in (first, second)}
  assert len(patients) == 1


@pytest.mark.parametrize('name', [name for name, _, _ in _NAMES])
@pytest.mark.parametrize(
  'change',
  [
    lambda name: 'x' + name,
    lambda name: ' ' + name,
    lambda name: 'images/' + name,
    lambda name: name + '\n',
    lambda name: name + '.png',
    lambda name: name + ' ',
    lambda name: name.removesuffix('.png'),
    lambda name: name.replace('.png', '.jpg'),
    lambda name: name.replace('.png', '.PNG'),
    lambda name: name.replace('.png', 'xpng'),
    lambda name: name.replace('.png', 'x.png'),
    lambda name: name.replace('.png', '(1).png'),
    lambda name: name.swapcase(),
  ],
)
def test_junk_around_a_name_is_not_ignored(name, change):
  with pytest.raises(ValueError, match='is not named like a slice of any'):
    file_names.parse(change(name))


@pytest.mark.parametrize(
  'name',
  [
    '',
    '.png',
    'scan1.png',
    'NCP_341_1834.png',
    'NCP_341_1834_0022_1.png',
    'XCP_341_1834_0022.png',
    'NCP__1834_0022.png',
    'volume-covid19-B-0573_ct-0010.png',
    'volume-covid19-A-0573_CT-0010.png',
    'LIDC-IDRI-273-1.2.3-0032.png',
    'coronacases_010_0075.png',
    'radiopaedia_4_85506-0004.png',
    'COVIDCTMD-X002-IM0025.png',
    'patient76_SR_2_IM00014.png',
  ],
)
def test_unknown_names_are_errors_that_list_the_collections(name):
  with pytest.raises(ValueError, match='CNCB, COVID-CTset, TCIA') as error:
    file_names.parse(name)
  assert str(error.value).startswith(repr(name))
