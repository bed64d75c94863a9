# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a network said of the patients of val, in a file beside it.

`training/scan_references.py` writes the file at the end of a training.
"""

import pathlib

from etils import epath
import numpy as np

from bit_covid.analysis import similar_patients
from bit_covid.base import checksums
from bit_covid.base import files

FILE_NAME = 'validation_patients.json'
REMEDY = 'bit-covid out-of-distribution RUN adds it to a run'


def write(
  folder: epath.Path, patients: similar_patients.Patients, *, checkpoint: str
) -> None:
  """Writes the patients, without ids, beside the file with this digest."""
  # Sorted, as the order of a split can tell which patient is which.
  order = np.lexsort([*patients.probabilities.T, patients.label])
  arrays = {name: x[order].tolist() for name, x in patients._asdict().items()}
  files.write_json(folder / FILE_NAME, {'checkpoint': checkpoint, **arrays})


def find(
  checkpoint: pathlib.Path, *, num_classes: int
) -> tuple[similar_patients.Patients | None, str]:
  """Returns the patients of a network, or why they are not known.

  Args:
    checkpoint: the .npz file of the network.
    num_classes: C, of its head.

  Raises:
    ValueError: the file beside it is damaged.
  """
  path = epath.Path(checkpoint).parent / FILE_NAME
  content = files.read_json(path, remedy=f'Remove it; {REMEDY}.')
  if content is None:
    return None, f'there is no {FILE_NAME} beside the network; {REMEDY}'
  try:
    patients = similar_patients.Patients(
      np.array(content['label'], np.int64),
      np.array(content['probabilities'], np.float64),
      np.array(content['slices'], np.int64),
    )
    is_sound = _is_sound(patients, num_classes)
  except (KeyError, TypeError, ValueError, OverflowError):
    is_sound = False
  if not is_sound:
    raise ValueError(
      f'{path} does not hold a label, a number of slices and {num_classes} '
      f'probabilities for each patient. Remove it; {REMEDY}.'
    )
  if content.get('checkpoint') != checksums.of_file(epath.Path(checkpoint)):
    return None, f'{FILE_NAME} was made for another network; {REMEDY}'
  return patients, ''


def _is_sound(patients: similar_patients.Patients, num_classes: int) -> bool:
  label, probabilities, slices = patients
  count = len(label)
  return (
    probabilities.shape == (count, num_classes)
    and label.shape == slices.shape == (count,)
    and bool(((label >= 0) & (label < num_classes) & (slices > 0)).all())
    and bool(((probabilities >= 0) & (probabilities <= 1 + 1e-9)).all())
  )
