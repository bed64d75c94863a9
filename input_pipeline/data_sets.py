# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tfds data sets of this package.

To add one, write its builder, give it an entry in `DATA_SETS`, and say what
its numbers mean for patients in `bit_covid.analysis.data_caution`.
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import types
from typing import Any

from etils import epath
import tensorflow_datasets as tfds

from input_pipeline import conventions
from input_pipeline import covidx_ct
from input_pipeline import phantom
from input_pipeline import preprocess
from input_pipeline import textures


@dataclasses.dataclass(frozen=True)
class DataSet:
  """A tfds data set, and what is particular to it.

  Attributes:
    builder: its builder class. The features are 'image', 'label', 'box',
      'slice_id', 'patient_id' and 'source'.
    window: as in `Examples`.
    source_fields: fields of `DataSource` that the builder takes as arguments.
    preparation: from the builder and a split, that of `Examples`.
    check_source: from the builder, a folder, a split and the names of its
      slices; raises ValueError if it was prepared from other files than those
      in the folder.
  """

  builder: type[tfds.core.GeneratorBasedBuilder]
  window: tuple[float, float] | None = None
  source_fields: tuple[str, ...] = ()
  preparation: Callable[[Any, str], preprocess.Preprocessing | None] = (
    lambda *_: None
  )
  check_source: Callable[[Any, epath.Path, str, Sequence[str]], None] = (
    lambda *_: None
  )


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
