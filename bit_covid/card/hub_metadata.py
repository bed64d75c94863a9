# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The metadata of a model card, as Hugging Face's Hub reads them.

https://huggingface.co/docs/hub/model-cards describes the fields.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import terminal
from bit_covid.card import evidence as evidence_lib
from bit_covid.card import statement

# Our measures, under the names that the Hub knows.
_TYPES = {
  'accuracy': 'accuracy',
  'balanced_accuracy': 'balanced_accuracy',
  'mcc': 'matthews_correlation',
  'sensitivity': 'recall',
  'specificity': 'specificity',
  'roc_auc': 'roc_auc',
}


def to_yaml(title: str, evidence: evidence_lib.Evidence) -> str:
  """Returns the metadata as YAML; a comment lists what a person must add."""
  data = statement.look_up(evidence['config'].content, 'data.name') or 'unknown'
  task = {'type': 'image-classification', 'name': 'Classes of CT slices'}
  dataset = {
    'name': data,
    # Not as it is: 'user/name' would be a link to a data set of that user.
    'type': data.replace('/', '_'),
    'split': evidence['split'].content,
  }
  found = list(_metrics(evidence['metrics'].content))
  fields = {
    'library_name': 'bit_covid',
    'pipeline_tag': 'image-classification',
    'tags': ['jax', 'flax', 'medical-imaging', 'computed-tomography'],
    'metrics': list(dict.fromkeys(x['type'] for x in found)),
    'model-index': [
      {
        'name': title,
        'results': [{'task': task, 'dataset': dataset, 'metrics': found}],
      }
    ],
  }
  text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)
  return f'# TO FILL: license; datasets, base_model, if on the Hub.\n{text}'


def _metrics(numbers: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
  # By patient there may be none.
  by_patient = numbers['patient'].get('mean', {'measures': {}})
  for what, part in (('slices', numbers['slice']), ('patients', by_patient)):
    for name, found in part['measures'].items():
      by_class = {'': found} if 'value' in found else found
      for class_name, measure in by_class.items():
        if name in _TYPES and measure['value'] is not None:
          heading = terminal.HEADINGS[name]
          heading += f' for {class_name}' if class_name else ''
          yield {
            'type': _TYPES[name],
            'name': f'{heading}, {what} ({_bounds(measure)})',
            'value': measure['value'],
          }


def _bounds(found: Mapping[str, float]) -> str:
  if found['low'] is None:
    return 'no interval'
  between = f'{found["low"]:.4f} to {found["high"]:.4f}'
  return f'{interval_lib.LEVEL_TEXT} interval {between}'
