# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The head of a model card, read as the Hub reads it."""

import json
import math

import yaml


def test_the_head_is_yaml_with_the_numbers_of_the_report(complete_run):
  run = complete_run
  _, head, _ = (run / 'card' / 'README.md').read_text().split('---\n', 2)
  head = yaml.safe_load(head)
  numbers = json.loads((run / 'report' / 'metrics.json').read_text())['test']
  (index,) = head['model-index']
  (result,) = index['results']
  assert result['task']['type'] == 'image-classification'
  assert result['dataset'] == {
    'name': 'phantom/demo',
    'type': 'phantom_demo',
    'split': 'test',
  }
  found = {x['name'].split(' (')[0]: x for x in result['metrics']}
  of_slices = numbers['slice']['measures']
  accuracy = found['Accuracy, slices']
  assert accuracy['type'] == 'accuracy'
  assert accuracy['value'] == of_slices['accuracy']['value']
  bounds = (f'{of_slices["accuracy"][x]:.4f}' for x in ('low', 'high'))
  assert f'(95 % interval {" to ".join(bounds)})' in accuracy['name']
  for name, kind in (('Sensitivity', 'recall'), ('ROC AUC', 'roc_auc')):
    entry = found[f'{name} for CP <b>|, slices']
    measure = of_slices[name.lower().replace(' ', '_')]['CP <b>|']
    assert (entry['type'], entry['value']) == (kind, measure['value'])
  by_patient = numbers['patient']['mean']['measures']
  assert found['MCC, patients']['value'] == by_patient['mcc']['value']
  assert all('interval' in x['name'] for x in result['metrics'])
  assert all(math.isfinite(x['value']) for x in result['metrics'])
  assert set(head['metrics']) == {x['type'] for x in result['metrics']}
