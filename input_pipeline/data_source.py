# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The fields of a config that say which data set to load, and from where.

The data sets themselves are in `data_sets`.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from input_pipeline import conventions

# The name of the data set of the user's own images; see `custom_images`.
CUSTOM_IMAGES = 'image_folder'


@dataclasses.dataclass(frozen=True)
class DataSource:
  """Where examples come from.

  Attributes:
    name: 'image_folder' for the user's own images (a folder or a CSV), else the
      builder and config of a tfds data set, such as 'covidx_ct/2a'.
    path: the user's folder or CSV; for tfds data sets the folder with the
      original files, which is read only while the data set is prepared.
    data_dir: the folder that holds prepared tfds data sets; '' for the default
      of tfds.
    image_folder: name of the folder of COVIDx CT's images inside `path`; '' for
      the usual name.
    range_16bit: the values of a 16-bit image that become black and white.
    window: center and width in Hounsfield units of the window that made the
      gray values of the user's images; None if it is not known.
  """

  name: str
  path: str = ''
  data_dir: str = ''
  image_folder: str = ''
  range_16bit: tuple[int, int] = conventions.FULL_RANGE_16BIT
  window: tuple[float, float] | None = None

  @classmethod
  def from_config(cls, config: Mapping[str, Any]) -> 'DataSource':
    """Returns the source that the field `data` of a config describes."""
    fields = dataclasses.fields(cls)
    given = {f.name: config[f.name] for f in fields if f.name in config}
    for name in ('range_16bit', 'window'):
      if name in given:
        given[name] = tuple(given[name]) or None
    return cls(**given)
