# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Parses the patient and the source of a COVIDx CT slice from its file name.

COVIDx CT merges eleven public collections, each with its own kind of file
names. The patterns here match whole names. Prefixes would not do: `NCP_91` is a
prefix of `NCP_911`, which is another patient.
"""

import re
from typing import NamedTuple


class Family(NamedTuple):
  """A kind of file names; the pattern's first group is the patient id."""

  source: str
  pattern: re.Pattern[str]


class Origin(NamedTuple):
  """The patient and the collection that a slice comes from."""

  patient_id: str
  source: str


def _family(source: str, pattern: str) -> Family:
  return Family(source, re.compile(rf'{pattern}\.png'))


# Sources are spelt as in the metadata.csv of COVIDx CT.
FAMILIES = (
  # Class and patient, then scan and slice.
  _family('CNCB', r'((?:NCP|CP|Normal)_\d+)_\d+_\d+'),
  _family(
    'COVID-CTset',
    r'(?:\d+covid|normal\d?|normalcd\d|cdnormal\d)_(patient\d+)_SR_\d+_IM\d+',
  ),
  # Some case numbers occur with the suffixes _0 and _1, which the metadata list
  # as two patients.
  _family('TCIA', r'(volume-covid19-A-\d+(?:_\d+)?)(?:_ct)?-\d+'),
  # Patient, series, slice.
  _family('LIDC-IDRI', r'(LIDC-IDRI-\d{4})-[\d.]+-\d+'),
  _family('COVID-19-CT-Seg', r'(coronacases_\d+)-\d+'),
  # Case, then stack and slice. Two stacks of a case are one patient.
  _family('COVID-19-CT-Seg', r'(radiopaedia_\d+_\d+)_\d+-\d+'),
  _family('radiopaedia.org', r'(radiopaedia-\d+)-\d+-\d+-\d+'),
  _family('iCTCF', r'(HUST-Patient\d+)-\d+'),
  _family('COVID-CT-MD', r'(COVIDCTMD-(?:P|cap|normal)\d+)-IM\d+'),
  _family('STOIC', r'(STOIC-\d+)-\d+'),
  # Patient, study (free text), series, slice.
  _family('Stony Brook', r'(A\d+)-.+-\d+-\d+'),
  _family('MosMedData', r'(study_\d+)-\d+'),
)


def parse(file_name: str) -> Origin:
  """Returns the patient and the source of the slice in a file of this name.

  Raises:
    ValueError: the name matches no collection. It is not guessed, as a wrong
      patient id would hide a patient who is in two splits.
  """
  for source, pattern in FAMILIES:
    if match := pattern.fullmatch(file_name):
      return Origin(match[1], source)
  sources = ', '.join(dict.fromkeys(family.source for family in FAMILIES))
  raise ValueError(
    f'{file_name!r} is not named like a slice of any collection in COVIDx CT '
    f'({sources}). For images of your own use the dataset image_folder.'
  )
