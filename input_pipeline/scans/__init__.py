# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From paths to scans: DICOM, NIfTI, images, and zip archives of them.

    with scans.find(['study.zip', 'other/']) as found:
      for scan in found.scans:
        for each in scan.slices:
          pixels = each.read()  # gray: uint8 [H, W]
      for refused in found.refused:
        print(refused.name, refused.reason)

This package knows neither JAX nor the network.
"""

from input_pipeline.scans.checked import Checked
from input_pipeline.scans.checked import read as read_checked
from input_pipeline.scans.find import Found
from input_pipeline.scans.find import find
from input_pipeline.scans.find import without_copies
from input_pipeline.scans.scan import Pixels
from input_pipeline.scans.scan import Refused
from input_pipeline.scans.scan import Scan
from input_pipeline.scans.scan import Slice
from input_pipeline.scans.scan import UnreadableError

__all__ = [
  'Checked',
  'Found',
  'Pixels',
  'Refused',
  'Scan',
  'Slice',
  'UnreadableError',
  'find',
  'read_checked',
  'without_copies',
]
