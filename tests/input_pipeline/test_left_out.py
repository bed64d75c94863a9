# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which patients a split loses, against counts by hand."""

import ml_collections
import numpy as np
from PIL import Image
import pytest

import input_pipeline
from input_pipeline import conventions
from input_pipeline import examples as examples_lib
from input_pipeline import left_out

# Patient, source and slices; `both` was in two hospitals.
_PATIENTS = (
  ('a', 'A', 2),
  ('b', 'B', 3),
  ('both', 'A', 1),
  ('both', 'B', 2),
  ('c', '', 1),
)
_METADATA = (
  'country,patient id,slice selection\n'
  'x,a,Automatic\nx,b,Expert\nx,both,Automatic\nx,c,\nx,of test,Expert\n'
)


@pytest.fixture
def examples():
  rows = [(who, source) for who, source, n in _PATIENTS for _ in range(n)]
  count = len(rows)
  return examples_lib.Examples(
    class_names=conventions.COVIDX_CT,
    slice_id=np.array([f'{i}.png' for i in range(count)]),
    patient_id=np.array([who for who, _ in rows]),
    source=np.array([source for _, source in rows]),
    label=np.zeros(count, np.int32),
    box=np.zeros((count, 4), np.int32),
    digest=np.array([str(i) for i in range(count)]),
    read=lambda i: bytes([i]),
  )


@pytest.fixture
def metadata(tmp_path):
  path = tmp_path / 'metadata.csv'
  path.write_text(_METADATA)
  return str(path)


@pytest.mark.parametrize(
  ('leave_out', 'expected'),
  [
    ('', [0, 1, 2, 3, 4, 5, 6, 7, 8]),
    # All slices of a patient go, also those of another source.
    ('source=A', [2, 3, 4, 8]),
    ('source=B', [0, 1, 8]),
    ('slice selection=Automatic', [2, 3, 4, 8]),
    ('slice selection=', [0, 1, 2, 3, 4, 5, 6, 7]),
  ],
)
def test_the_others_remain_in_order(examples, metadata, leave_out, expected):
  config = {'leave_out': leave_out, 'metadata': metadata}
  for split in ('train', 'val'):
    found = left_out.remaining(examples, split, config)
    assert found.slice_id.tolist() == [f'{i}.png' for i in expected]
    assert [found.read(i) for i in range(len(found))] == [
      bytes([i]) for i in expected
    ]
  assert left_out.remaining(examples, 'test', config) is examples


def test_a_config_without_the_field_leaves_nobody_out(examples):
  assert left_out.remaining(examples, 'train', {}) is examples


def test_val_may_have_none_of_the_patients(examples):
  config = {'leave_out': 'source=C'}
  assert len(left_out.remaining(examples, 'val', config)) == 9
  with pytest.raises(ValueError, match=r"no patient of train; .* '', 'A', 'B'"):
    left_out.remaining(examples, 'train', config)


def test_somebody_must_be_left(examples):
  part = examples.take([0, 1])
  with pytest.raises(ValueError, match='so of every patient of val'):
    left_out.remaining(part, 'val', {'leave_out': 'source=A'})


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('patient id,x\na,1\n', "no column 'slice selection'; it has 'patient id'"),
    ('patient,slice selection\na,1\n', "no column 'patient id'"),
    ('', 'it has no rows'),
    (_METADATA.replace('x,b,Expert\n', ''), "no row for 1 .* such as 'b'"),
    (_METADATA + 'x,b,Automatic\n', "several rows for the patient 'b'"),
  ],
)
def test_metadata_that_do_not_tell_are_refused(
  examples, tmp_path, text, message
):
  path = tmp_path / 'metadata.csv'
  path.write_text(text)
  with pytest.raises(ValueError, match=message):
    left_out.are_of(examples, 'slice selection=Automatic', str(path))


def test_load_split_leaves_out_of_train_and_val_alone(tmp_path):
  lines = ['path,label,split,patient,source']
  for split in ('train', 'val', 'test'):
    for source, count in (('A', 1), ('B', 2)):
      for i in range(count):
        name = f'{split}{source}{i}'
        pixels = np.zeros([8, 8], np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'{name}.png')
        lines.append(f'{name}.png,Normal,{split},{name},{source}')
  (tmp_path / 'images.csv').write_text('\n'.join(lines))
  config = ml_collections.ConfigDict(
    {
      'name': 'image_folder',
      'path': str(tmp_path / 'images.csv'),
      'leave_out': 'source=B',
      'metadata': '',
    }
  )
  expected = {'train': 1, 'val': 1, 'test': 3}
  splits = input_pipeline.load_all_splits(config)
  assert {x: len(splits[x]) for x in splits} == expected
  for split, count in expected.items():
    assert len(input_pipeline.load_split(config, split)) == count
  config.leave_out = 'source'
  with pytest.raises(ValueError, match="leave_out is 'source'; expected COL"):
    input_pipeline.load_split(config, 'train')


def test_patients_of_covidx_ct_have_their_rows(real_data, examples):
  metadata = str(real_data / 'splits' / 'metadata.csv')
  names = ['NCP_91', 'patient377', 'HUST-Patient10', 'LIDC-IDRI-0273']
  part = examples.take([0] * len(names))
  object.__setattr__(part, 'patient_id', np.array(names))
  is_out = left_out.are_of(part, 'slice selection=Automatic', metadata)
  assert is_out.dtype == bool
  assert is_out[2]  # Slices of iCTCF were all chosen by a network.
  assert not is_out[3]
