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
    names, window = fields['class_names'], fields['window']
    temperature = fields['temperature']
    if not all(isinstance(name, str) for name in names):
      raise ValueError(f'class names are not all text: {names}')
    metadata = Metadata(
      class_names=tuple(names),
      preprocessing=fields['preprocessing'],
      window=None if window is None else (float(window[0]), float(window[1])),
      temperature=None if temperature is None else float(temperature),
      facts=fields['facts'],
    )
  except (ValueError, KeyError, TypeError, IndexError) as error:
    raise ValueError(f'{path}: the metadata is damaged: {error!r}') from error
  if len(names) != num_logits:
    raise ValueError(
      f'{path}: {len(names)} class names for {num_logits} logits.'
    )
  return metadata
