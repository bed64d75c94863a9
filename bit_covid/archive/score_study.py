# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores the scans of one study, in a worker that keeps its network."""

import functools
from typing import NamedTuple

import pyarrow as pa

from bit_covid.archive import index
from bit_covid.archive import tables as tables_lib
from bit_covid.base import host_memory
from bit_covid.cli import scan_scorer
from bit_covid.engine import choose
from bit_covid.inference import network as network_lib
from bit_covid.scoring import output
from bit_covid.scoring import scan_result
from bit_covid.scoring import score as score_lib
from input_pipeline import scans


class Options(NamedTuple):
  """The arguments of the command on which results depend."""

  checkpoint: str
  flips: bool
  engine: str
  score_flagged: bool
  allow_unfamiliar: bool


class Scored(NamedTuple):
  """A scan that was scored.

  Attributes:
    id: of the scan.
    tables: its rows, by the name of the table.
    file_ids: of its files.
    has_failed: whether an error kept it from being scored.
  """

  id: str
  tables: dict[str, pa.Table]
  file_ids: list[str]
  has_failed: bool


def cautions(options: Options) -> list[str]:
  """Returns sentences on what limits the results, after loading the network.

  Raises:
    ValueError: the network cannot be used.
  """
  return output.cautions(_network(options))


def score(
  study: index.Study, options: Options
) -> tuple[list[Scored], list[scans.Refused]]:
  """Returns the scans of a study, and its files that are in none."""
  network = _network(options)
  paths = [x.path for x in study.files]
  with scan_scorer.find(paths, network) as all_found:
    found = scans.without_copies(all_found)
    scored = [_score(x, network, options) for x in found.scans]
  return scored, [x._replace(name='') for x in found.refused]


# A worker runs one task at a time.
@functools.cache
def _network(options: Options) -> network_lib.Network:
  host_memory.keep_freed()
  return choose.load(
    options.checkpoint, flips=options.flips, engine=options.engine
  )


def _score(
  scan: scans.Scan, network: network_lib.Network, options: Options
) -> Scored:
  has_failed = False
  try:
    result = score_lib.score(
      network,
      scan,
      score_flagged=options.score_flagged,
      allow_unfamiliar=options.allow_unfamiliar,
      num_shown=0,
    )
  # Whatever a damaged scan brings about in the libraries that read it.
  except Exception as error:
    has_failed = True
    result = score_lib.failed(network, scan, error)
  return _scored(result, has_failed)


def _scored(result: scan_result.ScanResult, has_failed: bool) -> Scored:
  files = dict.fromkeys(x.file_id for x in result.scan.slices)
  tables = tables_lib.of_result(result)
  return Scored(result.scan.id, tables, list(files), has_failed)
