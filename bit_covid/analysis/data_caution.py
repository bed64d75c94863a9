# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a data set means for the numbers and predictions of a network."""

from collections.abc import Mapping
import pathlib
import re
from typing import Any, NamedTuple

# How the names of checkpoints pre-trained on drawn textures begin.
_TEXTURES = 'Textures-'


class DataCaution(NamedTuple):
  """Sentences on the data that a network was trained on.

  `for_report` is on the numbers of a run, '' where there is nothing to say.
  `for_scan` is on the prediction for a new scan.
  """

  for_scan: str
  for_report: str = ''


_DRAWN = DataCaution(
  for_report=(
    'These slices are drawn by the software itself: the numbers show that it '
    'works, and nothing about patients.'
  ),
  for_scan=(
    'The network was trained on drawn pictures, not on patients: these '
    'numbers show that the software works, and nothing else.'
  ),
)
# By the part of the name before '/' and ':'; '' where no name is recorded.
_CAUTIONS = {
  'phantom': _DRAWN,
  'textures': _DRAWN,
  'covidx_ct': DataCaution(
    for_report=(
      'In COVIDx CT class and source go together, and Normal scans come whole '
      'where others come as lesion slices: read these numbers as an upper '
      'bound of what to expect at another hospital.'
    ),
    for_scan=(
      'The network was trained on COVIDx CT, in which class and hospital go '
      'together: at another hospital it may be wrong far more often.'
    ),
  ),
  'sars_cov_2_ct': DataCaution(
    for_report=(
      'The patients of the SARS-CoV-2 CT set are not named, so slices of one '
      'scan may be in several splits: read these numbers as an upper bound of '
      'what to expect for new patients.'
    ),
    for_scan=(
      'The network was trained on the SARS-CoV-2 CT set, whose patients are '
      'not named: how well it does on new patients is not known.'
    ),
  ),
  'image_folder': DataCaution(
    for_scan=(
      'The network was trained on images of its own user; how well it does on '
      'others is not known.'
    ),
  ),
  '': DataCaution(
    for_scan=(
      'The checkpoint does not say which data set its network was trained on.'
    ),
  ),
}


def data_caution(name: str | None) -> DataCaution:
  """Returns the caution of a data set such as 'covidx_ct/2a'; None: unknown."""
  builder = re.split('[/:]', name or '')[0]
  other = DataCaution(
    for_scan=(
      f'The network was trained on {name}; how well it does on other data is '
      'not known.'
    ),
  )
  return _CAUTIONS.get(builder, other)


def of_run(config: Mapping[str, Any] | None) -> str:
  """Returns what the numbers of a run cannot show; '' if nothing is known.

  The config is the content of a config.json, None where there is none.
  """
  config = config or {}
  of_init = ''
  init = pathlib.PurePath(config.get('init') or '')
  if init.name.startswith(_TEXTURES):
    of_init = (
      'The network was pre-trained on textures drawn by the software, not on '
      'photographs: its numbers are not comparable with the published ones.'
    )
  of_data = data_caution((config.get('data') or {}).get('name')).for_report
  return ' '.join(filter(None, (of_data, of_init)))
