# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a checkpoint may say of its model, and what is refused at load."""

import dataclasses
import json

import numpy as np
import pytest

from bit_covid.weights import metadata as metadata_lib

_SOUND = {
  'class_names': ['Normal', 'CP', 'NCP'],
  'preprocessing': {
    'box': 'automatic',
    'crop': 480,
    'antialias': False,
    'range_16bit': [0, 4095],
  },
  'window': [-600, 1500],
  'temperature': 1.5,
  'facts': {'data': 'phantom/demo'},
}


def _read(text):
  content = np.frombuffer(text.encode(), np.uint8)
  return metadata_lib.from_bytes(content, num_logits=3, path='a.npz')


def test_sound_metadata():
  found = _read(json.dumps(_SOUND))
  assert found.class_names == ('Normal', 'CP', 'NCP')
  assert found.window == (-600.0, 1500.0)
  assert found.temperature == 1.5
  content = metadata_lib.to_bytes(found).tobytes().decode()
  assert _read(content) == found
  unknown = dict.fromkeys(('preprocessing', 'window', 'temperature'))
  assert _read(json.dumps(_SOUND | unknown)) == dataclasses.replace(
    found, **unknown
  )


def _preprocessing(**changes):
  return {'preprocessing': _SOUND['preprocessing'] | changes}


@pytest.mark.parametrize(
  'change',
  [
    # The order of the classes would be the reverse.
    {'temperature': -1},
    *({'temperature': x} for x in (0, np.nan, np.inf, 1e-300, '1', True)),
    *(_preprocessing(crop=x) for x in (10**6, '480', -1, 0, 480.0, True)),
    *(_preprocessing(box=x) for x in ('other', 3, ['none'])),
    *(_preprocessing(range_16bit=x) for x in ([9, 9], [0, np.nan], 'ab', [1])),
    _preprocessing(antialias='no'),
    {'preprocessing': {'crop': 480}},
    {'preprocessing': [480]},
    *({'window': x} for x in ([0, 0], [0, -1], [np.nan, 1], [1], 'ab', {})),
    {'class_names': ['Normal', 'a\nError: b', 'NCP']},
    {'class_names': ['Normal', 'a\x1b[2K', 'NCP']},
    {'class_names': 'abc'},
    {'class_names': ['Normal', 'CP', 'CP']},
    {'class_names': ['Normal', 2, 'NCP']},
    {'facts': None},
    {'facts': {'data': 3}},
  ],
  ids=str,
)
def test_a_value_that_cannot_be_is_refused_in_one_line(change):
  with pytest.raises(ValueError, match='Restore the file') as error:
    _read(json.dumps(_SOUND | change))
  text = str(error.value)
  assert text.startswith(f'a.npz: {next(iter(change))} in the metadata is ')
  assert text.isprintable()


def test_text_that_is_nested_too_deeply_is_damage():
  with pytest.raises(ValueError, match='the metadata is damaged'):
    _read('[' * 100_000)
