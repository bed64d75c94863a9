# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which data set a path holds, for data that are named by their place alone."""

from etils import epath

from input_pipeline import covidx_ct
from input_pipeline import data_source


def of_path(path: str) -> str:
  """Returns 'covidx_ct/3a' or the like, 'image_folder', or '' without a path.

  It is COVIDx CT if split files of it are in the folder. Of several versions,
  the first is taken, such as 3A before 3B.
  """
  place = epath.Path(path).expanduser()
  if not path or not place.exists():
    return ''
  for name, config in covidx_ct.Builder.builder_configs.items():
    if config.split_files(place):
      return f'{covidx_ct.Builder.name}/{name}'
  return data_source.CUSTOM_IMAGES
