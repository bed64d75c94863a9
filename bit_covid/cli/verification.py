# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What `bit-covid verify` checks."""

from collections.abc import Callable
import pathlib
from typing import Any, Literal, NamedTuple

from etils import epath
import numpy as np
import tqdm

from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts
from bit_covid.base import checksums
from bit_covid.base import command
from bit_covid.base import files
from bit_covid.inference import network as network_lib
from bit_covid.models import resnet_v2
from bit_covid.training import manifest
from bit_covid.training import run_directory
from bit_covid.training import run_identity
from bit_covid.weights import bit_npz
from bit_covid.weights import find
from bit_covid.weights import metadata as metadata_lib

# A network of this package on `known_image`: its first logits, computed in
# NumPy float64 by benchmarks/numpy_network.py.
NETWORK = 'Textures-M-tiny'
EXPECTED_LOGITS = (
  1.290453,
  -2.709609,
  10.487005,
  3.528557,
  2.814886,
  -3.979184,
)
_TOLERANCE = 1e-3


class Check(NamedTuple):
  """The outcome of one check."""

  name: str
  result: Literal['ok', 'NOTE', 'FAILED']
  detail: str


def installation() -> list[Check]:
  """Returns versions and devices, and whether a network gives known logits."""
  facts = run_identity.collect_versions()
  versions = ', '.join(f'{k} {v}' for k, v in facts['packages'].items() if v)
  checks = [
    Check('bit_covid', 'ok', f'{facts["bit_covid"]}, Python {facts["python"]}'),
    Check('Packages', 'ok', versions),
  ]
  absent = ', '.join(k for k, v in facts['packages'].items() if not v)
  if absent:
    detail = f'not under the usual name: {absent}'
    checks.append(Check('Packages', 'NOTE', detail))
  checks.append(Check('Devices', 'ok', ', '.join(facts['devices'])))
  return [*checks, _try('Known logits', _known_logits)]


def known_image() -> np.ndarray:
  """Returns waves of no meaning, `[1, 48, 48, 1]` float32 in [-1, 1]."""
  y, x = np.mgrid[:48, :48] / 48
  waves = np.sin(9 * x + 4 * y) * np.cos(7 * y)
  return waves[np.newaxis, ..., np.newaxis].astype(np.float32)


def checkpoint(name: str) -> list[Check]:
  """Returns whether a checkpoint is whole and what it says of itself."""
  # Keys and shapes are compared with the network, the file with the record of
  # its download if there is one.
  try:
    path = find.find_checkpoint(name)
    found = bit_npz.load(path)
  except (ValueError, OSError) as error:
    return [_failed('File', error)]
  digest = checksums.of_file(epath.Path(path))
  file = Check('File', 'ok', f'sha256 {digest}')
  return [file, _parameters(found), _metadata(found.metadata)]


def work_directory(folder: pathlib.Path) -> list[Check]:
  """Returns whether a work directory is whole and its files fit together."""
  checks = [_try('Finished', _finished, folder), _checksums(folder)]
  saved = [
    path
    for path in sorted((folder / 'checkpoints').glob('[0-9]*'))
    if path.name.isdigit()
  ]
  bar = tqdm.tqdm(saved, 'Checkpoints', unit='checkpoint', disable=None)
  checks += [_checkpoint(epath.Path(path)) for path in bar]
  for name in ('config.json', 'run.json', 'report/metrics.json'):
    kind = list if name == 'run.json' else dict
    checks.append(_try(name, _read_json, folder / name, kind))
  checks += checkpoint(str(folder))
  paths = sorted((folder / 'predictions').glob('*.csv'))
  if not paths:
    checks.append(Check('Predictions', 'NOTE', 'there are none'))
  return checks + [
    _try(f'Predictions, {path.stem}', _predictions, path) for path in paths
  ]


def _try(name: str, work: Callable[..., str], *arguments: Any) -> Check:
  """Returns what the work says, or why it failed."""
  try:
    return Check(name, 'ok', work(*arguments))
  except Exception as error:
    # Damaged files raise errors of zipfile, zlib, NumPy, pandas and others.
    return _failed(name, error)


def _failed(name: str, error: Exception) -> Check:
  detail = command.one_line(str(error)) or type(error).__name__
  return Check(name, 'FAILED', detail)


def _known_logits() -> str:
  network = network_lib.Network.load(NETWORK)
  logits = network.logits(known_image())[0, : len(EXPECTED_LOGITS)]
  largest = float(np.abs(logits - np.array(EXPECTED_LOGITS)).max())
  if not largest <= _TOLERANCE:
    raise ValueError(
      f'{NETWORK} gives logits that differ by {largest:.1e} from those it '
      f'should give; expected at most {_TOLERANCE:.0e}. Another version of JAX '
      'may help.'
    )
  return f'{NETWORK}: off by {largest:.1e} from NumPy in float64'


def _parameters(found: bit_npz.Checkpoint) -> Check:
  count = resnet_v2.parameter_count(found.params)
  detail = f'{found.model_name}, {count:,}, each finite and of the right shape'
  return Check('Parameters', 'ok', detail)


def _metadata(metadata: metadata_lib.Metadata) -> Check:
  count = len(metadata.class_names)
  if metadata.preprocessing is None:
    detail = f'none: {count:,} classes without names, as in public files'
    return Check('Metadata', 'NOTE', detail)
  temperature = metadata.temperature
  more = f' and {count - 5} more' if count > 5 else ''
  return Check(
    'Metadata',
    'ok',
    f'classes {", ".join(metadata.class_names[:5])}{more}; '
    f'{metadata.preprocessing["crop"]} px; window '
    f'{metadata.window or "not known"}; temperature '
    f'{f"{temperature:.4g}" if temperature else "not known"}',
  )


def _finished(folder: pathlib.Path) -> str:
  if not run_directory.is_finished(folder):
    raise ValueError(
      'no finished.json: the training goes on, or was stopped. The same '
      'command goes on from the last checkpoint.'
    )
  return 'finished.json is there'


def _checksums(folder: pathlib.Path) -> Check:
  """Returns whether the files of a finished run are as they were written."""
  name = 'Checksums'
  try:
    problems = manifest.problems(folder)
  except (ValueError, OSError) as error:
    return _failed(name, error)
  if problems is None:
    detail = 'there are none: bytes that changed on the disk are not found'
    return Check(name, 'NOTE', detail)
  if problems:
    return Check(name, 'FAILED', '; '.join(problems))
  return Check(name, 'ok', 'all files are as they were written')


def _checkpoint(folder: epath.Path) -> Check:
  name = f'Checkpoint {folder.name}'
  try:
    is_checked = checksums.check_folder(folder)
  except (ValueError, OSError) as error:
    return _failed(name, error)
  if not is_checked:
    return Check(name, 'NOTE', 'without checksums, as of earlier versions')
  return Check(name, 'ok', 'all files are as they were written')


def _read_json(path: pathlib.Path, kind: type) -> str:
  if files.read_json(path, kind) is None:
    raise FileNotFoundError(f'{path} is missing.')
  return f'{path.stat().st_size:,} bytes'


def _predictions(path: pathlib.Path) -> str:
  table = predictions.read(path)
  if table['slice_id'].duplicated().any():
    raise ValueError('a slice is there twice; evaluate the split again.')
  if np.isnan(predictions.probabilities(table)).any():
    raise ValueError('probabilities are missing; evaluate the split again.')
  counts = path.parents[1] / 'splits.csv'
  if counts.exists():
    rows = split_counts.read(counts)
    rows = rows[rows['split'] == path.stem]
    expected = int(rows['slices'].sum())
    if len(rows) and expected != len(table):
      raise ValueError(
        f'{len(table):,} rows, but the split has {expected:,} slices; evaluate '
        'it again.'
      )
  features = path.with_name(f'{path.stem}_features.npz')
  if features.exists():
    files.check_npz(features)
    with np.load(features, allow_pickle=False) as arrays:
      if arrays['slice_id'].tolist() != table['slice_id'].tolist():
        raise ValueError(f'{features.name} is of other slices.')
  return f'{len(table):,} rows'
