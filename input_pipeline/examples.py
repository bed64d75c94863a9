# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One split of a data set: a table of its slices, and access to any image."""

from collections.abc import Callable, Sequence
import dataclasses
import hashlib
from typing import Literal, get_args

import numpy as np

from input_pipeline import preprocess

# Fields of `Examples` with a value for each slice.
_COLUMNS = ('slice_id', 'patient_id', 'source', 'label', 'box', 'digest')

PerClassBy = Literal['slice', 'patient']
PER_CLASS_BY: tuple[str, ...] = get_args(PerClassBy)


@dataclasses.dataclass(frozen=True)
class Preparation:
  """What was done to images before they were stored.

  Attributes:
    size: side to which they were resized.
    box: what they were cropped to before, one of `preprocess.BOXES`.
    antialias: whether with a low-pass filter.
  """

  size: int
  box: str
  antialias: bool


@dataclasses.dataclass(frozen=True)
class Examples:
  """N slices in the order of their split.

  Attributes:
    class_names: what the labels stand for.
    slice_id: `[N]` text, unique.
    patient_id: `[N]` text.
    source: `[N]` text, the collection that the slice comes from.
    label: `[N]` int32, index into `class_names`; -1 where it is not known.
    box: `[N, 4]` int32 xmin, ymin, xmax, ymax in pixels, end exclusive; four
      zeros where a slice has no annotated box.
    digest: `[N]` text, of the image's bytes.
    read: returns the bytes of slice i: an 8-bit gray PNG or a JPEG, or, of a
      prepared slice, its gray values row by row. See also `image`.
    window: center and width in Hounsfield units behind gray values 0 to 255;
      None: not known, or not CT.
    preparation: what was already done to the images; None: nothing.
  """

  class_names: tuple[str, ...]
  slice_id: np.ndarray
  patient_id: np.ndarray
  source: np.ndarray
  label: np.ndarray
  box: np.ndarray
  digest: np.ndarray
  read: Callable[[int], bytes]
  window: tuple[float, float] | None = None
  preparation: Preparation | None = None

  def __len__(self) -> int:
    return len(self.label)

  def image(self, i: int) -> np.ndarray:
    """Returns the gray image `[H, W]` uint8 of slice i, not to be written to.

    Raises:
      ValueError: it cannot be read or decoded; the message names the slice.
    """
    try:
      encoded = self.read(i)
      if self.preparation is None:
        return preprocess.decode(encoded)
      size = self.preparation.size
      return np.frombuffer(encoded, np.uint8).reshape(size, size)
    except (OSError, ValueError) as error:
      raise ValueError(
        f'The image of slice {str(self.slice_id[i])!r}: {error}'
      ) from error

  @property
  def fingerprint(self) -> str:
    """A digest of names, labels, boxes, images and their order."""
    digest = hashlib.sha256('\n'.join(self.class_names).encode())
    for column in _COLUMNS:
      values = getattr(self, column)
      digest.update(column.encode())
      digest.update('\n'.join(map(str, values.ravel().tolist())).encode())
    return digest.hexdigest()[:16]

  def take(self, indices: Sequence[int] | np.ndarray) -> 'Examples':
    """Returns the slices at those positions, in that order."""
    indices = np.asarray(indices, np.int64)
    return dataclasses.replace(
      self,
      read=lambda i: self.read(int(indices[i])),
      **{column: getattr(self, column)[indices] for column in _COLUMNS},
    )


def digest(encoded: bytes) -> str:
  """Returns the digest of an image's bytes, as `Examples.digest` holds it."""
  return hashlib.sha256(encoded).hexdigest()[:16]


def few_shot_indices(
  examples: Examples, *, per_class: int, by: PerClassBy, seed: int
) -> np.ndarray:
  """Returns the sorted indices of `per_class` slices of each class, at random.

  Args:
    examples: of a training split.
    per_class: number of slices.
    by: what is drawn without replacement. 'slice', as in the paper (Figure 8):
      few slices are then of nearly as many patients, whom nobody scans for one
      slice each. 'patient': the slices of one patient after the other, the last
      one's in part, as they come to a hospital that begins to collect.
    seed: of the drawing.

  Raises:
    ValueError: a class has fewer slices; the message has both numbers.
  """
  chosen = []
  for value in np.unique(examples.label):
    indices = np.flatnonzero(examples.label == value)
    if len(indices) < per_class:
      raise ValueError(
        f'per_class={per_class}, but class {value} has {len(indices)} slices.'
      )
    # A generator a class: more slices of one change nothing for the others.
    generator = np.random.default_rng([seed, int(value)])
    drawn = generator.permutation(indices)
    if by == 'patient':
      # In an order of their names: by where they come up first among shuffled
      # slices, those with many slices would be drawn first.
      names, patient = np.unique(
        examples.patient_id[drawn], return_inverse=True
      )
      turn = generator.permutation(len(names))
      drawn = drawn[np.argsort(turn[patient], kind='stable')]
    chosen.append(drawn[:per_class])
  return np.sort(np.concatenate(chosen))
