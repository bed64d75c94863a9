# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The slices that a run is of: `<workdir>/slices/<split>.csv.gz`.

A fingerprint says that a split has changed; this table says how.
"""

from collections.abc import Mapping
import gzip
import io
import zlib

from etils import epath
import pandas as pd

from bit_covid.base import files
import input_pipeline

# What is said of slices in which a column differs.
_COLUMNS = {
  'class': 'labels changed',
  'digest': 'images changed',
  'patient_id': 'patients changed',
  'source': 'sources changed',
  'box': 'boxes changed',
}


def write(
  workdir: epath.Path, split: str, examples: input_pipeline.Examples
) -> None:
  """Writes the table of a split."""
  path = _path(workdir, split)
  path.parent.mkdir(parents=True, exist_ok=True)
  text = _table(examples).to_csv()
  # Without a time, so that the same data always give the same file.
  files.write(path, gzip.compress(text.encode(), mtime=0))


def exists(workdir: epath.Path, split: str) -> bool:
  """Returns whether there is a table of a split."""
  return _path(workdir, split).exists()


def digests(workdir: epath.Path, split: str) -> set[str]:
  """Returns the digests of the images of a split; none without its table."""
  if not exists(workdir, split):
    return set()
  return set(_read(_path(workdir, split))['digest'])


def describe_changes(
  workdir: epath.Path, split: str, examples: input_pipeline.Examples
) -> str:
  """Returns how a split differs from that of the run, such as '2 labels'.

  If the table is damaged, or missing as in a run of an earlier version, nothing
  but that is said.
  """
  try:
    before = _read(_path(workdir, split))
  except (OSError, EOFError, ValueError, zlib.error):
    return f'{split}: not known what, as slices/{split}.csv.gz cannot be read'
  changes = [
    f'{len(names)} {what}, such as {names[0]}'
    for what, names in _changes(before, _table(examples)).items()
    if len(names)
  ]
  return f'{split}: {"; ".join(changes) or "the order of slices or classes"}'


def _read(path: epath.Path) -> pd.DataFrame:
  content = io.BytesIO(gzip.decompress(path.read_bytes()))
  return pd.read_csv(
    content, dtype=str, keep_default_na=False, index_col='slice_id'
  )


def _changes(before: pd.DataFrame, now: pd.DataFrame) -> Mapping[str, pd.Index]:
  """Returns the slices that changed, by what changed."""
  kept = now.index.intersection(before.index)
  differs = before.loc[kept] != now.loc[kept]
  return {
    'slices added': now.index.difference(before.index, sort=False),
    'slices removed': before.index.difference(now.index, sort=False),
    **{what: kept[differs[column]] for column, what in _COLUMNS.items()},
  }


def _table(examples: input_pipeline.Examples) -> pd.DataFrame:
  """Returns all that the fingerprint is of, as text."""
  columns = {
    'class': [examples.class_names[i] for i in examples.label.astype(int)],
    'digest': examples.digest,
    'patient_id': examples.patient_id,
    'source': examples.source,
    'box': [' '.join(map(str, box)) for box in examples.box.tolist()],
  }
  index = pd.Index(examples.slice_id, name='slice_id')
  return pd.DataFrame(columns, index=index).astype(str)


def _path(workdir: epath.Path, split: str) -> epath.Path:
  return workdir / 'slices' / f'{split}.csv.gz'
