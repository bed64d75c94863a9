# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Networks that were trained on faulty and on clean copies, on trial."""

import json
import types

import numpy as np
import pytest

from bit_covid.audit import audit_dataset
from bit_covid.audit import command
from bit_covid.audit.model import random_labels
from bit_covid.cli import train
import input_pipeline
from tests.bit_covid.audit import faulty_copies

_PATIENTS = {'train': 60, 'val': 12, 'test': 40}


@pytest.fixture
def audit(make_small_config, small_network, tmp_path):
  """Trains a small network on a data set; returns the findings by check."""
  del small_network  # It is in the place of the tiny one.

  def run(data, *options):
    config = make_small_config()
    config.data.name = 'image_folder'
    config.data.path = str(data.write(tmp_path))
    config.data.box = 'none'
    config.data.resize = config.data.crop = 64
    config.learning_rate, config.mixup_alpha = 0.1, 0.0
    config.batch, config.schedule = 32, (20, 320, 360, 390, 400)
    config.eval_every, config.checkpoint_every = 0, 400
    config.report = False
    workdir = tmp_path / 'run'
    train.train_and_report(config, workdir)
    command.main([config.data.path, f'--run={workdir}', *options])
    content = json.loads((workdir / 'audit' / 'audit.json').read_text())
    return {each['check']: each for each in content['findings']}

  return run


def _raised(findings):
  return {
    name: (each['severity'], each['text'])
    for name, each in findings.items()
    if each['severity'] in ('WARNING', 'FAILED')
  }


@pytest.mark.slow
def test_a_mark_that_the_network_uses_is_found(audit):
  clean = faulty_copies.clean(seed=0, patients=_PATIENTS)
  found = _raised(audit(faulty_copies.with_marks(clean, share=1 / 2)))
  # Hospitals go with classes, and the mark changes the gray around the body.
  del found['Class and source']
  found.pop('Shortcuts past the lungs', None)
  # So few features do not tell all of the drawn noise.
  found.pop('Scans unlike the training', None)
  assert set(found) == {'Covered slices', 'The source in the features'}


@pytest.mark.slow
@pytest.mark.usefixtures('small_network')
def test_random_labels_are_learned_of_patients_in_both_splits(
  make_subject, tmp_path
):
  clean = faulty_copies.clean(seed=0, patients=_PATIENTS)
  data = faulty_copies.with_patients_everywhere(clean)
  # A training would refuse them.
  arguments = command._parser().parse_args([str(data.write(tmp_path))])
  splits = input_pipeline.load_all_splits(audit_dataset._config(arguments))
  network = types.SimpleNamespace(
    prepare=lambda image, box: (image[..., np.newaxis], None)
  )
  subject = make_subject(examples=splits['test'], train=splits['train'])
  subject = subject._replace(network=network, random_labels=True)
  assert random_labels.check(subject).severity == 'FAILED'


@pytest.mark.slow
def test_clean_data_raise_nothing(audit):
  clean = faulty_copies.clean(seed=0, patients=_PATIENTS)
  findings = audit(clean, '--random_labels')
  assert _raised(findings) == {}
  not_checked = {
    k for k, x in findings.items() if x['severity'] == 'NOT CHECKED'
  }
  # These need other data or other trainings.
  assert not_checked == {'External data', 'Sources left out', 'Labels left out'}
