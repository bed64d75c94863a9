# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which data set a path holds, for data that are named by their place alone."""

import pathlib

from etils import epath

from input_pipeline import covidx_ct
from input_pipeline import data_source
from input_pipeline import sars_cov_2_ct


def of_path(path: str, *, own: str = '') -> str:
  """Returns 'covidx_ct/3a' or the like, 'image_folder', or '' without a path.

  It is COVIDx CT if split files of it are in the folder. Of several versions,
  the first is taken, such as 3A before 3B. The SARS-CoV-2 CT set is divided
  into splits only for a network that was trained on one of them; for others all
  of it is `image_folder`, with the one split 'test'.

  Args:
    path: a folder, a CSV, or ''.
    own: the data set of the network that is to be judged on it.
  """
  place = epath.Path(path).expanduser()
  if not path or not place.exists():
    return ''
  for name, config in covidx_ct.Builder.builder_configs.items():
    if config.split_files(place):
      return f'{covidx_ct.Builder.name}/{name}'
  if own == sars_cov_2_ct.NAME and sars_cov_2_ct.is_at(pathlib.Path(place)):
    return own
  return data_source.CUSTOM_IMAGES
