# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The metadata of a checkpoint, stored with the parameters."""

from collections.abc import Mapping
import dataclasses
import json
import os
from typing import Any

import numpy as np

from bit_covid.weights import npz_archive

# Of the array that holds the metadata.
KEY = 'bit_covid/metadata'
# Far more than 21,843 class names need; a file with more is no file of ours.
MAX_BYTES = 1 << 22
# As `input_pipeline.data_checks` has them.
_MAX_SIDE, _BOXES = 8192, ('annotated', 'automatic', 'none')
# Far more than those that a calibration can give.
_TEMPERATURES = (1e-3, 1e3)


@dataclasses.dataclass(frozen=True)
class Metadata:
  """What a file says of its model besides the parameters.

  Attributes:
    class_names: in the order of the logits.
    preprocessing: how images were prepared, as `input_pipeline` names it; None
      in a file that is not ours.
    window: `[center, width]` in Hounsfield units behind gray values 0 to 255;
      None where the images were not CT or their window is not known.
    temperature: divides the logits for calibrated probabilities, fitted on the
      val split; None: not known.
    facts: how the file came about (seed, steps, versions).
  """

  class_names: tuple[str, ...]
  preprocessing: Mapping[str, Any] | None = None
  window: tuple[float, float] | None = None
  temperature: float | None = None
  facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def unknown(num_logits: int) -> Metadata:
  """Returns the metadata of a file that has none: names made from numbers."""
  return Metadata(tuple(f'class_{i}' for i in range(num_logits)))


def read(
  path: str | os.PathLike[str],
  header: npz_archive.Header | None,
  *,
  num_logits: int,
) -> Metadata:
  """Returns the metadata of a file, `unknown` if it has none (no header).

  Raises:
    ValueError: the metadata are damaged or too large.
  """
  if header is None:
    return unknown(num_logits)
  if np.prod(header.shape) > MAX_BYTES:
    raise ValueError(
      f'{path}: metadata of the shape {header.shape}; expected at most '
      f'{MAX_BYTES} bytes.'
    )
  (content,) = npz_archive.read_arrays(path, {KEY: header}).values()
  return from_bytes(content, num_logits=num_logits, path=path)


def to_bytes(metadata: Metadata) -> np.ndarray:
  """Returns the metadata as the bytes of a JSON text, uint8."""
  text = json.dumps(dataclasses.asdict(metadata))
  return np.frombuffer(text.encode(), np.uint8)


def from_bytes(
  content: np.ndarray, *, num_logits: int, path: str | os.PathLike[str]
) -> Metadata:
  """Returns the metadata in the bytes that `to_bytes` made.

  Args:
    content: uint8.
    num_logits: how many class names there must be.
    path: of the file, for messages.

  Raises:
    ValueError: the bytes are damaged.
  """
  try:
    fields = json.loads(content.astype(np.uint8).tobytes())
    values = {x.name: fields[x.name] for x in dataclasses.fields(Metadata)}
  # Text that is nested too deeply is a RecursionError.
  except (ValueError, KeyError, TypeError, RecursionError) as error:
    raise ValueError(f'{path}: the metadata is damaged: {error!r}') from error
  for name, (is_valid, expected) in _RULES.items():
    if not is_valid(values[name]):
      raise ValueError(
        f'{path}: {name} in the metadata is {str(values[name])[:200]!a}; '
        f'expected {expected}. Restore the file, or train again.'
      )
  names, window = values['class_names'], values['window']
  if len(names) != num_logits:
    raise ValueError(
      f'{path}: {len(names)} class names for {num_logits} logits.'
    )
  return Metadata(
    **values
    | {'class_names': tuple(names), 'window': window and (*map(float, window),)}
  )


def _is_number(value: Any, low: float, high: float) -> bool:
  is_number = isinstance(value, int | float) and not isinstance(value, bool)
  return is_number and low <= value <= high  # False for NaN.


def _is_pair(value: Any, low: float, high: float) -> bool:
  return (
    isinstance(value, list)
    and len(value) == 2
    and all(_is_number(x, low, high) for x in value)
  )


def _are_names(value: Any) -> bool:
  # They become names of files and lines on the terminal.
  return (
    isinstance(value, list)
    and all(isinstance(x, str) and x.isprintable() for x in value)
    and len(set(value)) == len(value)
  )


def _is_preprocessing(value: Any) -> bool:
  if not isinstance(value, dict):
    return value is None
  side, range_16bit = value.get('crop'), value.get('range_16bit')
  return (
    value.get('box') in _BOXES
    and isinstance(side, int)
    and _is_number(side, 1, _MAX_SIDE)
    and isinstance(value.get('antialias'), bool)
    and _is_pair(range_16bit, 0, 65_535)
    and range_16bit[0] < range_16bit[1]
  )


def _is_window(value: Any) -> bool:
  return value is None or (_is_pair(value, -1e6, 1e6) and value[1] > 0)


def _is_temperature(value: Any) -> bool:
  return value is None or _is_number(value, *_TEMPERATURES)


def _are_facts(value: Any) -> bool:
  return isinstance(value, dict) and isinstance(value.get('data', ''), str)


# For each field, whether a value can be used, and what is expected. What is not
# checked here would show as a wrong probability, or as an error in a scan.
_RULES = {
  'class_names': (_are_names, 'texts without line breaks, each once'),
  'preprocessing': (
    _is_preprocessing,
    f'a box of {", ".join(_BOXES)}, a crop of 1 to {_MAX_SIDE} pixels, '
    'antialias true or false, and a range_16bit within 0 to 65535',
  ),
  'window': (_is_window, 'center and width in HU, the width above 0'),
  'temperature': (
    _is_temperature,
    f'a number from {_TEMPERATURES[0]:g} to {_TEMPERATURES[1]:g}',
  ),
  'facts': (_are_facts, 'names and values'),
}
