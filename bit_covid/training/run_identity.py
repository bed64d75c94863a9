# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""config.json and run.json of a work directory: what its results are of."""

from collections.abc import Collection, Mapping, Sequence
import datetime
from importlib import metadata
import os
import pathlib
import platform
import subprocess
import sys
from typing import Any

from etils import epath
from flax import traverse_util
import jax

from bit_covid.base import files
from bit_covid.base import version
from bit_covid.training import manifest
import input_pipeline

# Where the data are on this machine does not identify them, as a run may be
# resumed on another machine. The fingerprints identify the data.
_PLACES = ('path', 'data_dir', 'image_folder', 'metadata')
_PACKAGES = (
  'jax',
  'jaxlib',
  'flax',
  'optax',
  'orbax-checkpoint',
  'tensorflow',
  'tensorflow-datasets',
  'numpy',
  'opencv-python-headless',
)


def read(workdir: epath.Path) -> dict[str, Any] | None:
  """Returns the content of config.json, or None if there is no such file.

  Raises:
    ValueError: the file is damaged.
  """
  remedy = 'Restore the file, or choose another folder.'
  return files.read_json(workdir / 'config.json', remedy=remedy)


def differences(
  found: Mapping[str, Any],
  asked: Mapping[str, Any],
  *,
  ignored: Collection[str] = (),
) -> list[str]:
  """Returns a text for each value in which two trees of facts differ.

  The one is the content of a config.json, the other what the present call would
  write there. Paths that are ignored have the form 'data.crop'.
  """
  found, asked = flat(found), flat(asked)
  return [
    f'{path} is {found.get(path)} there, {asked.get(path)} here'
    for path in sorted((found.keys() | asked.keys()) - set(ignored))
    if found.get(path) != asked.get(path)
  ]


def flat(facts: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the leaves of a tree by their paths, such as 'data.crop'."""
  return traverse_util.flatten_dict(dict(facts), sep='.')


def without_places(data: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the field `data` of a config without folders of this machine."""
  return {key: value for key, value in data.items() if key not in _PLACES}


def check_same(
  found: Mapping[str, Any],
  asked: Mapping[str, Any],
  *,
  problem: str,
  folder: str = 'work directory',
  ignored: Collection[str] = (),
) -> None:
  """Checks that there are no `differences`.

  Raises:
    ValueError: there are some; the message begins with the problem.
  """
  different = differences(found, asked, ignored=ignored)
  if different:
    raise ValueError(
      f'{problem}: {"; ".join(different)}. Choose another {folder}, or remove '
      'this one to start anew.'
    )


def write(
  workdir: epath.Path,
  facts: Mapping[str, Any],
  *,
  devices: Sequence[str] | None = None,
  data_changes: Sequence[str] = (),
) -> None:
  """Writes config.json and adds an entry to run.json, of this start.

  A run may be resumed on another machine, with other versions, or with changed
  data. The devices are those of JAX unless others are named.
  """
  workdir.mkdir(parents=True, exist_ok=True)
  files.write_json(workdir / 'config.json', facts)
  path = workdir / 'run.json'
  starts = files.read_json(path, list) or []
  start = collect_versions()
  if devices is not None:
    start['devices'] = list(devices)
  if data_changes:
    start['data_changes'] = list(data_changes)
  files.write_json(path, [*starts, start])
  # Of a finished run that is evaluated.
  manifest.update(workdir, 'config.json', 'run.json')


def begin_evaluation(
  workdir: epath.Path,
  facts: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
  *,
  flag: str,
  devices: Sequence[str] | None = None,
) -> None:
  """Writes config.json and run.json of a network that is evaluated only.

  So reports and comparisons work on the folder as on that of a training. Splits
  are added to those of the same network and data that it holds, by `add_split`.
  The flag is the one that named the folder, for messages.

  Raises:
    ValueError: the folder holds another run.
  """
  found = read(workdir)
  known = {}
  if found is None:
    _check_no_predictions(workdir, flag)
  else:
    known = found.get('fingerprints') or {}
    here = {name: split.fingerprint for name, split in splits.items()}
    # A training has other facts too, which are not compared.
    compared = {key: found.get(key) for key in facts} | {'fingerprints': known}
    # Of a split that is added there is no fingerprint yet.
    asked = {**facts, 'fingerprints': {k: here.get(k, known[k]) for k in known}}
    problem = f'{workdir} holds another run'
    check_same(compared, asked, problem=problem, folder=flag)
  write(workdir, {**facts, 'fingerprints': known}, devices=devices)


def add_split(
  workdir: epath.Path, name: str, examples: input_pipeline.Examples
) -> None:
  """Writes into config.json that the results of a split are of these data.

  It has to be called after they are written, as the work may be stopped before.
  """
  facts = read(workdir)
  known = facts.get('fingerprints') or {}
  if known.get(name) != examples.fingerprint:
    facts['fingerprints'] = known | {name: examples.fingerprint}
    files.write_json(workdir / 'config.json', facts)
    manifest.update(workdir, 'config.json')


def _check_no_predictions(workdir: epath.Path, flag: str) -> None:
  folder = workdir / 'predictions'
  names = sorted(path.name for path in folder.glob('*'))
  if names:
    raise ValueError(
      f'{folder} holds {", ".join(names)}, and no config.json says which '
      f'network they are from. Choose another {flag}.'
    )


def collect_versions() -> dict[str, Any]:
  """Returns versions, devices, flags, commit, command line and time."""
  return {
    'time': datetime.datetime.now(datetime.UTC).isoformat('T', 'seconds'),
    'command': sys.argv,
    'bit_covid': version.VERSION,
    'commit': commit(),
    'python': platform.python_version(),
    'packages': packages(),
    'platform': platform.platform(),
    'cpus': os.cpu_count(),
    'devices': [
      f'{device.platform}:{device.device_kind}' for device in jax.devices()
    ],
    'hosts': jax.process_count(),
    'xla_flags': os.environ.get('XLA_FLAGS', ''),
  }


def packages() -> dict[str, str | None]:
  """Returns the versions of the packages that results depend on, by name."""
  return {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str | None:
  try:
    return metadata.version(package)
  except metadata.PackageNotFoundError:
    return None  # Installed under another name, such as tensorflow-cpu.


def commit() -> str | None:
  """Returns the commit of the code, with '+' if files changed since."""
  root = pathlib.Path(__file__).parents[2]
  git = ('git', '-C', str(root))
  try:
    # Fails if this file is installed inside the checkout of another project.
    _run(*git, 'ls-files', '--error-unmatch', __file__)
    changed = _run(*git, 'status', '--porcelain', '--untracked-files=no')
    return _run(*git, 'rev-parse', 'HEAD') + ('+' if changed else '')
  except (OSError, subprocess.CalledProcessError):
    return None


def _run(*command: str) -> str:
  return subprocess.run(
    command, check=True, capture_output=True, text=True
  ).stdout.strip()
