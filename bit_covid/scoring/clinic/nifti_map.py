# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The Grad-CAM maps of a scan as NIfTI volumes that lie over its images."""

import io
import pathlib

from etils import epath
from isal import igzip
import nibabel
import numpy as np

from bit_covid.base import files
from bit_covid.base import page_templates
from bit_covid.scoring import scan_result
from bit_covid.scoring.clinic import gradcam_volume

# Values are rounded to multiples of a power of two, which float32 holds
# exactly: otherwise the files are many times as large.
_STEPS = 256
# Bytes of the description in a header, without the 0 at its end.
_DESCRIPTION = 79


def write(
  folder: pathlib.Path, result: scan_result.ScanResult
) -> list[pathlib.Path]:
  """Returns the paths of `<scan>_<class>.nii.gz` that it writes for each class.

  The voxels are those of the scan's own files, with values as in
  `gradcam_volume.make`, rounded to 1/256.

  Raises:
    grid.NoGridError: the files of the scan do not give it such a volume.
  """
  grid = result.scan.grid()
  paths = []
  for index, name in enumerate(result.class_names):
    values = gradcam_volume.make(result, index, grid)
    np.rint(values * _STEPS, out=values)
    values /= _STEPS
    header = grid.header.copy()
    header.set_data_dtype(np.float32)
    header['cal_max'] = 1
    text = f'{page_templates.DISCLAIMER} Grad-CAM: {name}'
    header['descrip'] = text.encode('ascii', 'replace')[:_DESCRIPTION]
    path = folder / f'{result.scan.id}_{files.safe_name(name)}.nii.gz'
    files.write(epath.Path(path), _packed(values, header))
    paths.append(path)
  return paths


def _packed(values: np.ndarray, header: nibabel.Nifti1Header) -> bytes:
  packed = io.BytesIO()
  # Without a time, so that the same scan gives the same file.
  with igzip.IGzipFile(fileobj=packed, mode='wb', mtime=0) as file:
    nibabel.Nifti1Image(values, None, header).to_stream(file)
  return packed.getvalue()
