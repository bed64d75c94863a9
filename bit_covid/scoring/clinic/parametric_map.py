# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The Grad-CAM map of a scan as a DICOM Parametric Map, beside its images.

Needs the extra `dicom`.
"""

from collections.abc import Sequence

import highdicom
from highdicom import pm
import numpy as np
import pydicom
from pydicom.sr import codedict

from bit_covid.scoring import scan_result
from bit_covid.scoring.clinic import dicom_terms
from bit_covid.scoring.clinic import gradcam_volume
from input_pipeline.scans import grid as grid_lib

_SERIES_NUMBER = 9701


def make(
  result: scan_result.ScanResult, sources: Sequence[pydicom.Dataset]
) -> pm.ParametricMap:
  """Returns the map of the predicted class, with a float32 frame a slice.

  Args:
    result: of a scan with a predicted class, with maps.
    sources: of `source_images.read`.

  Raises:
    grid.NoGridError: the slices of the scan are on no regular grid.
    ValueError: highdicom finds the headers wrong.
  """
  grid = result.scan.grid()
  # In the order of positions, as readers stack frames.
  order = np.argsort(grid.indices)
  text = f'Grad-CAM of {result.predicted}'
  found = pm.ParametricMap(
    source_images=[sources[i] for i in order],
    pixel_array=_frames(result, grid),
    contains_recognizable_visual_features=False,
    real_world_value_mappings=[_mapping(text)],
    voi_lut_transformations=[
      highdicom.VOILUTTransformation(window_center=0.5, window_width=1.0)
    ],
    pixel_measures=_measures(sources, grid.header.get_zooms()[2]),
    content_description=dicom_terms.long_string(text),
    # With the mark of a name that consists of one part.
    content_creator_name=f'{dicom_terms.NAME}^',
    content_label='GRADCAM',
    **dicom_terms.object_arguments(
      _SERIES_NUMBER, f'{dicom_terms.PURPOSE}: {text}'
    ),
  )
  part = sources[0].get('BodyPartExamined')
  if part:
    found.BodyPartExamined = part
  return found


def _frames(result: scan_result.ScanResult, grid: grid_lib.Grid) -> np.ndarray:
  """Returns the map of each slice as it is stored, `[N, H, W]` float32."""
  index = result.class_names.index(result.predicted)
  planes = gradcam_volume.make(result, index, grid).T
  # Planes without a slice have no source to refer to.
  has_gaps = len(grid.indices) < len(planes)
  return planes[np.sort(grid.indices)] if has_gaps else planes


def _mapping(text: str) -> pm.RealWorldValueMapping:
  return pm.RealWorldValueMapping(
    lut_label='GRADCAM',
    lut_explanation=dicom_terms.long_string(text),
    unit=codedict.codes.UCUM.NoUnits,
    value_range=(0.0, 1.0),
    slope=1.0,
    intercept=0.0,
    quantity_definition=dicom_terms.code('gradcam', 'Grad-CAM, largest 1'),
  )


def _measures(
  sources: Sequence[pydicom.Dataset], spacing: float
) -> highdicom.PixelMeasuresSequence:
  return highdicom.PixelMeasuresSequence(
    pixel_spacing=sources[0].PixelSpacing,
    slice_thickness=sources[0].SliceThickness or spacing,
    spacing_between_slices=spacing,
  )
