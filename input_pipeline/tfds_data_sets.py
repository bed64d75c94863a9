# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tfds data sets of this package.

To add one, write its builder and give it an entry in `DATA_SETS`.
"""

from collections.abc import Callable, Mapping
import dataclasses
import types
from typing import Any

from etils import epath
import tensorflow_datasets as tfds

from input_pipeline import conventions
from input_pipeline import covidx_ct
from input_pipeline import phantom
from input_pipeline import preprocessing
from input_pipeline import textures


@dataclasses.dataclass(frozen=True)
class DataSet:
  """A tfds data set, and what is particular to it.

  Attributes:
    builder: its builder class. The features are 'image', 'label', 'box',
      'slice_id', 'patient_id' and 'source'.
    window: center and width in Hounsfield units of the window that made the
      gray values; None if it is not known or the images are no CT.
    source_fields: fields of `DataSource` that the builder takes as arguments.
    preparation: a function from the builder and a split to the preprocessing
      that the stored slices have had, or None if they are stored whole.
    check_source: a function of the builder and a folder that raises ValueError
      if the data set was prepared from other files than those in the folder.
  """

  builder: type[tfds.core.GeneratorBasedBuilder]
  window: tuple[float, float] | None = None
  source_fields: tuple[str, ...] = ()
  preparation: Callable[[Any, str], preprocessing.Preprocessing | None] = (
    lambda *_: None
  )
  check_source: Callable[[Any, epath.Path], None] = lambda *_: None


DATA_SETS: Mapping[str, DataSet] = types.MappingProxyType(
  {
    'covidx_ct': DataSet(
      covidx_ct.Builder,
      window=conventions.LUNG_WINDOW,
      source_fields=('image_folder',),
      preparation=covidx_ct.Builder.preparation,
      check_source=covidx_ct.Builder.check_source,
    ),
    'phantom': DataSet(phantom.Builder),
    'textures': DataSet(textures.Builder),
  }
)
