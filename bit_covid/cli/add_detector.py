# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit-covid out-of-distribution`: files for a trained run."""

import argparse
import pathlib

from etils import epath
import ml_collections

from bit_covid.base import compilation_cache
from bit_covid.base import devices
from bit_covid.training import manifest
from bit_covid.training import run_identity
from bit_covid.training import scan_references
from bit_covid.weights import bit_npz
from bit_covid.weights import find
import input_pipeline


def run(arguments: argparse.Namespace) -> list[pathlib.Path]:
  """Returns the files that were written to the run.

  Raises:
    FileNotFoundError: the run has no network, or the data do not exist.
    ValueError: the data are not those of the run, or are too few.
  """
  compilation_cache.enable()
  workdir = epath.Path(arguments.workdir)
  checkpoint = bit_npz.load(find.find_checkpoint(workdir))
  facts = run_identity.read(workdir)
  fingerprints = facts.pop('fingerprints', None) or {}
  # JSON has no tuples.
  data = {
    key: tuple(value) if isinstance(value, list) else value
    for key, value in facts['data'].items()
  }
  config = ml_collections.ConfigDict(facts | {'data': data})
  config.data.update(
    path=arguments.data,
    data_dir=arguments.data_dir,
    image_folder=arguments.image_folder,
  )
  splits = {}
  for name in ('train', 'val'):
    splits[name] = input_pipeline.load_split(config.data, name)
    found = splits[name].fingerprint
    if fingerprints.get(name, found) != found:
      raise ValueError(
        f'{name} is not the split of {workdir} (fingerprint {found} here, '
        f'{fingerprints[name]} there); give the data of its training by --data.'
      )
  problems = scan_references.write(
    workdir,
    devices.replicate(checkpoint.params),
    splits,
    config,
    temperature=checkpoint.metadata.temperature,
  )
  manifest.update(workdir, *scan_references.FILE_NAMES)
  if problems:
    raise ValueError(f'{workdir}: {" ".join(problems)}')
  return [pathlib.Path(workdir) / x for x in scan_references.FILE_NAMES]
