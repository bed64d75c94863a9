# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A network that was trained on slices with burnt-in marks, on trial.

The mark in the corner is that of the hospital, each of which has mostly
patients of one class.
"""

import json

import cv2
import pytest

from bit_covid.audit import command
from bit_covid.cli import train
from input_pipeline.phantom import drawing

_SIZE, _SLICES = 64, 2
_PATIENTS = {'train': 60, 'val': 5, 'test': 40}
# The mark, in pixels of both upper corners.
_ROWS, _LEFT, _RIGHT = slice(10), slice(10), slice(-10, None)


@pytest.fixture
def marked(tmp_path):
  """A CSV of drawn slices with the mark of one of three hospitals."""
  lines = ['path,label,split,patient,source']
  for split, count in _PATIENTS.items():
    for label, name in enumerate(drawing.LABELS):
      for number in range(count):
        patient = drawing.sample_patient(
          seed=0, split=split, label=name, number=number
        )
        # Four of five are in the hospital of their class.
        hospital = (label + (number % 5 == 0)) % len(drawing.LABELS)
        for i in range(_SLICES):
          image = drawing.draw_slice(patient, 2 * i, size=_SIZE).image.copy()
          mark = (0, 128, 255)[hospital]
          image[_ROWS, _LEFT] = image[_ROWS, _RIGHT] = mark
          path = f'{split}-{name}{number}-{i}.png'
          cv2.imwrite(str(tmp_path / path), image)
          who = f'{split}-{name}{number}'
          lines.append(f'{path},{name},{split},{who},hospital {hospital}')
  (tmp_path / 'images.csv').write_text('\n'.join(lines))
  return tmp_path / 'images.csv'


@pytest.mark.slow
@pytest.mark.usefixtures('small_network')
def test_a_mark_that_the_network_uses_is_found(
  marked, make_small_config, tmp_path
):
  config = make_small_config()
  config.data.name, config.data.path = 'image_folder', str(marked)
  config.data.box = 'none'
  config.data.resize = config.data.crop = 64
  config.learning_rate, config.mixup_alpha = 0.1, 0.0
  config.batch, config.schedule = 32, (20, 180, 200)
  config.eval_every, config.checkpoint_every = 0, 200
  config.report = False
  run = tmp_path / 'run'
  train.train_and_report(config, run)
  command.main([str(marked), f'--run={run}'])
  content = json.loads((run / 'audit' / 'audit.json').read_text())
  found = {each['check']: each for each in content['findings']}
  covered = found['Covered slices']
  assert covered['severity'] == 'WARNING', covered['text']
  source = found['The source in the features']
  assert source['severity'] == 'WARNING', source['text']
