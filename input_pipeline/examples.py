# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One split of a data set: a table of its slices, and access to each image."""

from collections.abc import Callable, Sequence
import dataclasses
import hashlib
from typing import Literal, get_args

import numpy as np

from input_pipeline import preprocess

# The fields of `Examples` that hold one value per slice.
_COLUMNS = ('slice_id', 'patient_id', 'source', 'label', 'box', 'digest')

PerClassBy = Literal['slice', 'patient']
PER_CLASS_BY: tuple[str, ...] = get_args(PerClassBy)


class ImageError(ValueError):
  """The image of a slice cannot be read any more, or is another one."""

  # Of a command, whose input was right when it began.
  exit_code = 1


@dataclasses.dataclass(frozen=True)
class Examples:
  """The N slices of a split, in order.

  Attributes:
    class_names: the classes, in the order of their labels.
    slice_id: `[N]` text, unique.
    patient_id: `[N]` text.
    source: `[N]` text, the collection that the slice comes from.
    label: `[N]` int32, index into `class_names`; -1 if it is not known.
    box: `[N, 4]` int32 xmin, ymin, xmax, ymax in pixels, end exclusive; four
      zeros for a slice without an annotated box.
    digest: `[N]` text, a digest of the image's bytes (see `digest` below).
    read: a function from an index to the bytes of that slice: an 8-bit gray PNG
      or a JPEG, or the gray values of a prepared slice, row by row.
    window: center and width in Hounsfield units of the window that made the
      gray values; None if it is not known or the images are no CT.
    preparation: the preprocessing that was applied before the slices were
      stored, with `resize` equal to `crop`; None if they are stored whole.
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
  preparation: preprocess.Preprocessing | None = None

  def __len__(self) -> int:
    return len(self.label)

  def image(self, i: int) -> np.ndarray:
    """Returns the gray image of slice i, `[H, W]` uint8. It may be read-only.

    Raises:
      ImageError: the image cannot be read. The message names the slice.
    """
    try:
      encoded = self.read(i)
      if self.preparation is None:
        return preprocess.decode(encoded)
      size = self.preparation.crop
      return np.frombuffer(encoded, np.uint8).reshape(size, size)
    except (OSError, ValueError) as error:
      raise ImageError(
        f'The image of slice {str(self.slice_id[i])!r}: {error}'
      ) from error

  @property
  def fingerprint(self) -> str:
    """A digest of everything in the split: the table, its order, the images.

    A run stores it, so that it is not continued with other data.
    """
    digest = hashlib.sha256('\n'.join(self.class_names).encode())
    for column in _COLUMNS:
      values = getattr(self, column)
      digest.update(column.encode())
      digest.update('\n'.join(map(str, values.ravel().tolist())).encode())
    return digest.hexdigest()[:16]

  def take(self, indices: Sequence[int] | np.ndarray) -> 'Examples':
    """Returns the split that has only these slices, in the given order."""
    indices = np.asarray(indices, np.int64)
    return dataclasses.replace(
      self,
      read=lambda i: self.read(int(indices[i])),
      **{column: getattr(self, column)[indices] for column in _COLUMNS},
    )


def join(parts: Sequence[Examples]) -> Examples:
  """Returns the slices of several splits of one data set as one split.

  Raises:
    ValueError: they were not stored alike.
  """
  first = parts[0]
  if any(part.preparation != first.preparation for part in parts):
    raise ValueError(
      'The splits of this data set are stored in several sizes, so they cannot '
      'be one; name the data set of whole slices, such as covidx_ct/2a.'
    )
  starts = np.cumsum([0, *map(len, parts)])

  def read(i: int) -> bytes:
    number = int(np.searchsorted(starts, i, side='right')) - 1
    return parts[number].read(int(i - starts[number]))

  columns = {
    name: np.concatenate([getattr(part, name) for part in parts])
    for name in _COLUMNS
  }
  return dataclasses.replace(first, read=read, **columns)


def digest(encoded: bytes) -> str:
  """Returns 16 hexadecimal digits of the SHA-256 of an image's bytes."""
  return hashlib.sha256(encoded).hexdigest()[:16]


def few_shot_indices(
  examples: Examples, *, per_class: int, by: PerClassBy, seed: int
) -> np.ndarray:
  """Returns the sorted indices of `per_class` slices of each class.

  By 'slice', slices are drawn without replacement, as in the paper (Figure 8).
  A few slices then come from nearly as many patients, which is unlikely in
  practice. By 'patient', patients are drawn with all of their slices (only some
  of the last one's), as they reach a hospital that begins to collect.

  Raises:
    ValueError: a class has fewer than `per_class` slices.
  """
  chosen = []
  for value in np.unique(examples.label):
    indices = np.flatnonzero(examples.label == value)
    if len(indices) < per_class:
      raise ValueError(
        f'per_class={per_class}, but class {value} has {len(indices)} slices.'
      )
    # One generator per class, so that additional slices of one class do not
    # change which slices of the others are drawn.
    generator = np.random.default_rng([seed, int(value)])
    drawn = generator.permutation(indices)
    if by == 'patient':
      # Patients are permuted by name. Their first appearance among the shuffled
      # slices would favour patients with many slices.
      names, patient = np.unique(
        examples.patient_id[drawn], return_inverse=True
      )
      rank = generator.permutation(len(names))
      drawn = drawn[np.argsort(rank[patient], kind='stable')]
    chosen.append(drawn[:per_class])
  return np.sort(np.concatenate(chosen))
