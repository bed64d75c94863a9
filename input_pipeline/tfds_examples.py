# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Splits of this package's tfds datasets, prepared when first asked for."""

from collections.abc import Callable, Mapping
import io
import os
import sys
import types

from absl import logging
from etils import epath
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
import tqdm

from input_pipeline import conventions
from input_pipeline import covidx_ct
from input_pipeline import examples as examples_lib
from input_pipeline import phantom
from input_pipeline import textures
from input_pipeline.covidx_ct import covidx_ct_dataset_builder
from input_pipeline.covidx_ct import prepared_slices

BUILDERS: Mapping[str, type[tfds.core.GeneratorBasedBuilder]] = (
  types.MappingProxyType(
    {
      'covidx_ct': covidx_ct.Builder,
      'phantom': phantom.Builder,
      'textures': textures.Builder,
    }
  )
)

# Center and width in Hounsfield units of the slices' gray values.
_WINDOWS = {covidx_ct.Builder: conventions.LUNG_WINDOW}

_TEXT_COLUMNS = ('slice_id', 'patient_id', 'source')


def load(
  name: str,
  split: str,
  *,
  path: str = '',
  data_dir: str = '',
  image_folder: str = '',
) -> examples_lib.Examples:
  """Returns a split of 'covidx_ct/2a', 'phantom/demo' and the like.

  Args:
    name: builder and config.
    split: 'train', 'val' or 'test'.
    path: the folder with the data (tfds's manual_dir); only needed where the
      dataset has not been prepared yet.
    data_dir: where prepared datasets are kept; '': tfds's default.
    image_folder: of `covidx_ct.Builder`.

  Raises:
    ValueError: there is no such dataset or split, or the prepared dataset was
      made from other split files than those in `path`.
  """
  builder = _prepared(name, path, data_dir, image_folder)
  if split not in builder.info.splits:
    raise ValueError(
      f'{name} has no split {split!r}; it was prepared with '
      f'{", ".join(builder.info.splits)} in {builder.data_path}. To add a '
      'split, put its file beside the others, remove that folder and start '
      'again.'
    )
  return _read_split(builder, split)


def load_all(
  name: str, *, path: str = '', data_dir: str = '', image_folder: str = ''
) -> dict[str, examples_lib.Examples]:
  """Returns every split of a dataset by its name; arguments as for `load`."""
  builder = _prepared(name, path, data_dir, image_folder)
  return {split: _read_split(builder, split) for split in builder.info.splits}


def _prepared(
  name: str, path: str, data_dir: str, image_folder: str
) -> tfds.core.GeneratorBasedBuilder:
  """Returns the builder of a dataset that is prepared, if need be by this."""
  builder = _builder(name, data_dir, image_folder)
  manual_dir = epath.Path(path).expanduser() if path else None
  if not builder.data_path.exists():
    _prepare(builder, manual_dir)
  elif manual_dir is not None and isinstance(builder, covidx_ct.Builder):
    _check_same_source(builder, manual_dir)
  return builder


def _builder(
  name: str, data_dir: str, image_folder: str
) -> tfds.core.GeneratorBasedBuilder:
  builder_name, _, config = name.partition('/')
  cls = BUILDERS.get(builder_name)
  if cls is None or config not in cls.builder_configs:
    known = [
      f'{key}/{config_name}'
      for key, value in BUILDERS.items()
      for config_name in value.builder_configs
    ]
    raise ValueError(
      f'There is no dataset {name!r}; the known ones are image_folder, '
      f'{", ".join(known)}.'
    )
  kwargs = {'image_folder': image_folder} if cls is covidx_ct.Builder else {}
  return cls(
    config=config,
    data_dir=os.path.expanduser(data_dir) or None,
    # The one format with access by position.
    file_format='array_record',
    **kwargs,
  )


def _prepare(
  builder: tfds.core.GeneratorBasedBuilder, manual_dir: epath.Path | None
) -> None:
  logging.info('Preparing %s in %s.', builder.name, builder.data_path)
  if builder.MANUAL_DOWNLOAD_INSTRUCTIONS and manual_dir is None:
    raise ValueError(
      f'{builder.info.full_name} is not prepared yet: set config.data.path '
      'to the folder that holds it.\n' + builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    )
  if manual_dir is not None and not manual_dir.is_dir():
    raise FileNotFoundError(
      f'config.data.path is {manual_dir}, which is not a folder.'
    )
  if not sys.stderr.isatty():
    tfds.disable_progress_bar()
  builder.download_and_prepare(
    download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
  )


def _check_same_source(
  builder: covidx_ct.Builder, manual_dir: epath.Path
) -> None:
  prepared = builder.info.metadata['split_digests']
  given = covidx_ct_dataset_builder.split_digests(
    builder.builder_config, manual_dir
  )
  if given != prepared:
    raise ValueError(
      f'{builder.data_path} was prepared from other split files than those '
      f'in {manual_dir}. Remove that folder to prepare it anew, set '
      'config.data.data_dir to another place, or leave config.data.path '
      'empty to use what was prepared.'
    )


def _read_split(
  builder: tfds.core.GeneratorBasedBuilder, split: str
) -> examples_lib.Examples:
  columns = _read_columns(builder, split)
  if len(columns['label']) != builder.info.splits[split].num_examples:
    raise ValueError(
      f'The table of split {split!r} in {builder.data_path} has '
      f'{len(columns["label"])} slices, the dataset '
      f'{builder.info.splits[split].num_examples}. Remove that folder to '
      'prepare it anew.'
    )
  is_prepared = _is_prepared(builder)
  return examples_lib.Examples(
    class_names=tuple(builder.info.features['label'].names),
    read=_image_reader(
      builder, split, prepared_slices.RECORD_KEY if is_prepared else 'image'
    ),
    window=_WINDOWS.get(type(builder)),
    preparation=prepared_slices.preparation(split) if is_prepared else None,
    **columns,
  )


def _is_prepared(builder: tfds.core.GeneratorBasedBuilder) -> bool:
  return (
    isinstance(builder, covidx_ct.Builder)
    and builder.builder_config.is_prepared
  )


def _image_reader(
  builder: tfds.core.GeneratorBasedBuilder, split: str, key: str
) -> Callable[[int], bytes]:
  """Returns a function from a position to what a record has under a key."""
  records = builder.as_data_source(
    split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
  )

  def read(i: int) -> bytes:
    try:
      record = records[int(i)]
    except RuntimeError as error:  # ArrayRecord raises no other kind.
      raise OSError(str(error)) from error
    # Half the time of tfds's own parser, which looks at every feature.
    features = tf.train.Example.FromString(record).features.feature
    return features[key].bytes_list.value[0]

  return read


def _read_columns(
  builder: tfds.core.GeneratorBasedBuilder, split: str
) -> dict[str, np.ndarray]:
  """Returns all that a split holds but the images, from a file beside it.

  Labels and names lie in the records, among gigabytes of images. They are read
  once, after the dataset was prepared, and kept.
  """
  path = builder.data_path / f'{builder.name}-{split}.table.npz'
  if not path.exists():
    skip = None if _is_prepared(builder) else tfds.decode.SkipDecoding()
    source = builder.as_data_source(split, decoders={'image': skip})
    rows = [
      (
        *(row[key].decode() for key in _TEXT_COLUMNS),
        row['label'],
        row['box'],
        examples_lib.digest(row['image']),
      )
      for row in tqdm.tqdm(
        source, desc=f'Reading {split} table', unit='slice', disable=None
      )
    ]
    slice_id, patient_id, origin, label, box, digest = zip(*rows, strict=True)
    # Through memory: a zip archive seeks, which object stores cannot.
    buffer = io.BytesIO()
    np.savez(
      buffer,
      slice_id=np.array(slice_id),
      patient_id=np.array(patient_id),
      source=np.array(origin),
      label=np.array(label, np.int32),
      box=np.array(box, np.int32),
      digest=np.array(digest),
    )
    # Under a name of its own: another process may do the same.
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    partial.write_bytes(buffer.getvalue())
    partial.replace(path)
  with path.open('rb') as file, np.load(file, allow_pickle=False) as table:
    return dict(table)
