# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Splits of this package's tfds data sets, which are prepared on first use.

`data_sets` lists the data sets.
"""

import collections
from collections.abc import Mapping
import contextlib
import errno
import io
import os
import sys

from absl import logging
from etils import epath
import numpy as np
import tensorflow_datasets as tfds
import tqdm

from input_pipeline import data_sets
from input_pipeline import data_source
from input_pipeline import examples as examples_lib
from input_pipeline import preparation_lock
from input_pipeline import sars_cov_2_ct
from input_pipeline import stored_records
from input_pipeline.covidx_ct import prepared_slices


def load(source: data_source.DataSource, split: str) -> examples_lib.Examples:
  """Returns a split of 'covidx_ct/2a', 'phantom/demo' and the like.

  Its `path`, the folder that tfds calls manual_dir, is only needed if the data
  set has not been prepared yet.

  Raises:
    FileNotFoundError: the data set is not prepared, and `path` is no folder.
    ValueError: there is no such data set or split, or the data set was prepared
      from other split files than those in `path`.
  """
  builder = _prepared_builder(source)
  if split not in builder.info.splits:
    raise ValueError(
      f'{source.name} has no split {split!r}; it was prepared with '
      f'{", ".join(builder.info.splits)} in {builder.data_path}. To add a '
      'split, put its file beside the others, remove that folder and start '
      'again.'
    )
  return _read_split(builder, split, source.path)


def load_all(
  source: data_source.DataSource,
) -> dict[str, examples_lib.Examples]:
  """Returns all splits of a data set by name; errors are those of `load`."""
  builder = _prepared_builder(source)
  return {
    split: _read_split(builder, split, source.path)
    for split in builder.info.splits
  }


def _prepared_builder(
  source: data_source.DataSource,
) -> tfds.core.GeneratorBasedBuilder:
  builder = _make_builder(source)
  manual_dir = epath.Path(source.path).expanduser() if source.path else None
  if manual_dir is not None and not manual_dir.is_dir():
    raise FileNotFoundError(
      f'config.data.path is {manual_dir}, which is not a folder. Set it to the '
      "folder of the original files, or to '' if the data set is prepared."
    )
  if builder.data_path.exists():
    return builder
  is_empty = manual_dir is None or not any(manual_dir.iterdir())
  if builder.MANUAL_DOWNLOAD_INSTRUCTIONS and is_empty:
    raise ValueError(
      f'{builder.info.full_name} is not prepared yet: set config.data.path '
      'to the folder that holds it.\n' + builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    )
  with preparation_lock.hold(builder.data_path):
    # Read again, as another process may have prepared it meanwhile.
    builder = _make_builder(source)
    if not builder.data_path.exists():
      _prepare(builder, manual_dir)
  return builder


def _make_builder(
  source: data_source.DataSource,
) -> tfds.core.GeneratorBasedBuilder:
  name, _, config = source.name.partition('/')
  data_set = data_sets.DATA_SETS.get(name)
  if data_set is None or config not in data_set.builder.builder_configs:
    known = [
      f'{key}/{config_name}'
      for key, value in data_sets.DATA_SETS.items()
      for config_name in value.builder.builder_configs
    ]
    raise ValueError(
      f'There is no dataset {source.name!r}; the known ones are '
      f'{data_source.CUSTOM_IMAGES}, {sars_cov_2_ct.NAME}, {", ".join(known)}.'
    )
  return data_set.builder(
    config=config,
    data_dir=os.path.expanduser(source.data_dir) or None,
    # The only format that reads a record by its position.
    file_format='array_record',
    **{field: getattr(source, field) for field in data_set.source_fields},
  )


def _prepare(
  builder: tfds.core.GeneratorBasedBuilder, manual_dir: epath.Path | None
) -> None:
  logging.info('Preparing %s in %s.', builder.name, builder.data_path)
  if not sys.stderr.isatty():
    tfds.disable_progress_bar()
  try:
    # tfds prints sizes, which it does not know, and that it has finished.
    with contextlib.redirect_stdout(io.StringIO()):
      builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
      )
  except RuntimeError as error:  # The only kind that ArrayRecord raises.
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
      if (text := os.strerror(number)) in str(error):
        raise OSError(number, text, str(builder.data_path)) from error
    raise


def _read_split(
  builder: tfds.core.GeneratorBasedBuilder, split: str, path: str
) -> examples_lib.Examples:
  data_set = data_sets.DATA_SETS[builder.name]
  preparation = data_set.preparation(builder, split)
  key = 'image' if preparation is None else prepared_slices.RECORD_KEY
  records = stored_records.StoredRecords(builder, split, image_key=key)
  # In the records, labels and names lie among gigabytes of images. They are
  # read once and kept in a file beside the records.
  table = builder.data_path / f'{builder.name}-{split}.table.npz'
  columns = _read_table(table)
  files = records.sizes_and_times
  # A table of an earlier version does not say which files it is of.
  if not np.array_equal(columns.pop('files', None), files):
    columns = _columns(records, description=f'Writing {table.name}')
    _write_table(table, {**columns, 'files': files})
  if len(columns['label']) != len(records):
    raise ValueError(
      f'The table of split {split!r} in {builder.data_path} has '
      f'{len(columns["label"])} slices, the dataset {len(records)}. Remove '
      'that folder to prepare it anew.'
    )
  if path:
    folder = epath.Path(path).expanduser()
    data_set.check_source(builder, folder, split, columns['slice_id'].tolist())
  digests = columns['digest'].tolist()
  return examples_lib.Examples(
    class_names=tuple(builder.info.features['label'].names),
    read=lambda i: records.image(int(i), digests[i]),
    window=data_set.window,
    preparation=preparation,
    **columns,
  )


def _read_table(path: epath.Path) -> dict[str, np.ndarray]:
  if not path.exists():
    return {}
  with path.open('rb') as file, np.load(file, allow_pickle=False) as table:
    return dict(table)


def _columns(
  records: stored_records.StoredRecords, *, description: str
) -> dict[str, np.ndarray]:
  """Returns all columns of `Examples`."""
  columns = collections.defaultdict(list)
  bar = {'unit': 'slice', 'disable': None}
  for i in tqdm.trange(len(records), desc=description, **bar):
    features, image = records.read(i)
    for key in ('slice_id', 'patient_id', 'source'):
      columns[key].append(features[key].bytes_list.value[0].decode())
    columns['label'].append(features['label'].int64_list.value[0])
    # A list, as the field itself would keep the whole record in memory.
    columns['box'].append(list(features['box'].int64_list.value))
    columns['digest'].append(examples_lib.digest(image))
  dtypes = {'label': np.int32, 'box': np.int32}
  return {k: np.array(v, dtypes.get(k)) for k, v in columns.items()}


def _write_table(path: epath.Path, columns: Mapping[str, np.ndarray]) -> None:
  # Through memory: writing a zip archive seeks, which object stores cannot.
  buffer = io.BytesIO()
  np.savez(buffer, **columns)
  partial = path.with_name(f'.{path.name}.partial')
  try:
    # One process at a time, so that the next writes over what a kill has left.
    with preparation_lock.hold(path.parent):
      partial.write_bytes(buffer.getvalue())
      partial.replace(path)
  except OSError as error:
    # Such as a folder of data that several users share and only read.
    logging.warning('%s is made at every start: %s', path, error)
    with contextlib.suppress(OSError):
      partial.unlink()
