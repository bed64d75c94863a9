# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores the scans of one study, in a process that keeps its network."""

from collections.abc import Mapping
import functools
import os
from typing import Any, NamedTuple

from etils import epath
import pyarrow as pa

from bit_covid.archive import attempt
from bit_covid.archive import study as study_lib
from bit_covid.archive import tables
from bit_covid.base import checksums
from bit_covid.base import disk
from bit_covid.base import host_memory
from bit_covid.base import version
from bit_covid.cli import scan_scorer
from bit_covid.engine import choose
from bit_covid.inference import network as network_lib
from bit_covid.scoring import output
from bit_covid.scoring import scan_result
from bit_covid.scoring import score as score_lib
from bit_covid.scoring.clinic import patient_key
from bit_covid.weights import find
from input_pipeline import scans


class Options(NamedTuple):
  """The arguments of the command on which results depend."""

  checkpoint: str
  flips: bool
  engine: str
  score_flagged: bool
  allow_unfamiliar: bool


class Facts(NamedTuple):
  """What is known before a study is scored.

  Attributes:
    call: all that the results depend on besides the studies, for JSON.
    cautions: sentences on what limits the results.
    class_names: of the network.
  """

  call: Mapping[str, Any]
  cautions: list[str]
  class_names: tuple[str, ...]


class Done(NamedTuple):
  """A study that was scored.

  Attributes:
    tables: its rows, by the name of the table.
    key: rows of `patient_key`, if they were asked for.
  """

  tables: Mapping[str, pa.Table]
  key: list[tuple[str, ...]]


def describe(options: Options) -> Facts:
  """Returns what is known of the network, after loading it.

  Raises:
    StopError: it cannot be used.
  """
  try:
    network = _network(options)
  except (OSError, ValueError) as error:
    raise attempt.StopError(disk.problem(error) or str(error)) from error
  call = {
    'version': version.VERSION,
    **options._asdict(),
    'engine': network.engine.name,
    'checkpoint': [
      checksums.of_file(epath.Path(x))
      for x in find.find_checkpoints(options.checkpoint)
    ],
  }
  return Facts(call, output.cautions(network), network.class_names)


def score(
  study: study_lib.Study,
  options: Options,
  *,
  call: Mapping[str, Any],
  with_key: bool,
) -> Done:
  """Returns the results of a study.

  Args:
    study: whose files this process can read.
    options: of the command.
    call: as `describe` said it of the first process.
    with_key: whether the key is asked for.

  Raises:
    OSError: a file cannot be read.
    StopError: no study can be scored as asked for.
  """
  if call != _call(options):
    raise attempt.StopError(
      'a worker has another version of bit_covid, or finds another file at '
      f'{options.checkpoint}, than the first one. Give all workers the same.'
    )
  # One file that is gone is refused; where all are, their disk may be.
  if not any(map(os.path.lexists, study.paths)):
    raise attempt.StopError(
      'this file and the others of its study are gone. Look whether all '
      'workers see their disk; then give the same command again.'
    )
  network = _network(options)
  try:
    with scan_scorer.find(study.paths, network, are_named=False) as all_found:
      found = scans.without_copies(all_found)
      scored = [_score(x, network, options) for x in found.scans]
      key = patient_key.rows(found) if with_key else []
  except OSError as error:
    if not disk.is_full(error):
      raise
    raise attempt.StopError(
      'the disk of a worker is full. Make room for temporary files, then give '
      'the same command again.'
    ) from error
  results, errors = [x for x, _ in scored], [x for _, x in scored]
  names = ' '.join(filter(None, dict.fromkeys(errors)))
  return Done(tables.of_study(results, found, network.class_names, names), key)


# A worker does one task at a time.
@functools.cache
def _network(options: Options) -> network_lib.Network:
  host_memory.keep_freed()
  return choose.load(
    options.checkpoint, flips=options.flips, engine=options.engine
  )


@functools.cache
def _call(options: Options) -> Mapping[str, Any]:
  return describe(options).call


def _score(
  scan: scans.Scan, network: network_lib.Network, options: Options
) -> tuple[scan_result.ScanResult, str]:
  """Returns the result of a scan, and the name of an error or ''."""
  try:
    result = score_lib.score(
      network,
      scan,
      score_flagged=options.score_flagged,
      allow_unfamiliar=options.allow_unfamiliar,
      num_shown=0,
      # As in `predict`, whose rows have the same digits then.
      with_maps=True,
    )
  # Whatever a damaged scan brings about in the libraries that read it.
  except Exception as error:
    if disk.is_full(error):
      raise
    return score_lib.failed(network, scan, error), type(error).__name__
  return result, ''
