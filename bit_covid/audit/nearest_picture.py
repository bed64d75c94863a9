# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The most similar picture, found without any network.

If the class of the most similar training slice is nearly always right, a high
accuracy on the same split shows little.
"""

from collections.abc import Iterator

import cv2
import numpy as np

_SIDE = 48
# Pictures that are compared with all others at once.
_CHUNK = 512


def vector(image: np.ndarray) -> np.ndarray:
  """Returns an image of 48 x 48 pixels, `[2304]` float32 of mean 0 and norm 1.

  The product of two of them is the correlation of the two images. It is 0 for
  an image of one gray value.

  Args:
    image: `[H, W]` uint8.
  """
  small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
  centered = small.ravel().astype(np.float32) - small.mean(dtype=np.float32)
  return centered / max(float(np.linalg.norm(centered)), 1.0)


def correlations(
  first: np.ndarray, second: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
  """Yields the number of a row, and the correlations from this row on.

  Args:
    first: `[N, D]`, each of `vector`.
    second: `[M, D]`.

  Yields:
    A row of `first`, and `[n, M]` float32.
  """
  for start in range(0, len(first), _CHUNK):
    yield start, first[start : start + _CHUNK] @ second.T


def nearest(
  queries: np.ndarray, references: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the most similar reference of each query, and the correlation.

  Args:
    queries: `[N, D]`, each of `vector`.
    references: `[M, D]`.

  Returns:
    `[N]` int64 rows of `references`, and `[N]` float32.
  """
  rows, values = [], []
  for _, found in correlations(queries, references):
    rows.append(found.argmax(axis=1))
    values.append(found.max(axis=1))
  return np.concatenate(rows), np.concatenate(values)
