# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scans of `bit_covid.predict` scored by several processes at a time.

Each process has the network and finds the scans for itself, since neither can
be sent to it.
"""

import argparse
from collections.abc import Callable, Iterable
import contextlib
import logging
from multiprocessing import util

from bit_covid.base import host_memory
from bit_covid.base import worker_processes
from bit_covid.cli import clinic_files
from bit_covid.cli import scan_scorer
from bit_covid.engine import choose
from input_pipeline import scans

# What this process has, if it is one of several: the only way from `_begin` to
# the tasks that follow.
_here: dict[str, tuple[scan_scorer.ScanScorer, scans.Scan]] = {}


def score(
  arguments: argparse.Namespace,
  scan_ids: Iterable[str],
  on_done: Callable[[str, scan_scorer.Done], None],
) -> list[str]:
  """Returns the ids of the scans whose process died, after scoring all others.

  Args:
    arguments: of the command.
    scan_ids: of the scans.
    on_done: called with the id of a scan and what is kept of it.
  """
  return worker_processes.run(
    _score,
    scan_ids,
    jobs=arguments.jobs,
    start=_begin,
    arguments=(arguments,),
    on_done=on_done,
  )


def _begin(arguments: argparse.Namespace) -> None:
  # As `base.command` does in the first process.
  logging.getLogger('matplotlib.font_manager').setLevel(logging.ERROR)
  host_memory.keep_freed()  # As in the first process.
  network = choose.load(
    arguments.checkpoint, flips=arguments.flips, engine=arguments.engine
  )
  stack = contextlib.ExitStack()
  found = scans.without_copies(
    stack.enter_context(
      scan_scorer.find(
        arguments.paths, network, images_are_scans=arguments.images_are_scans
      )
    )
  )
  # A process of this kind ends without the exit handlers of Python.
  util.Finalize(None, stack.close, exitpriority=0)
  clinic = clinic_files.ClinicFiles(arguments, found, network, is_quiet=True)
  scorer = scan_scorer.ScanScorer(arguments, network, clinic)
  _here.update({scan.id: (scorer, scan) for scan in found.scans})


def _score(scan_id: str) -> scan_scorer.Done:
  scorer, scan = _here[scan_id]
  return scorer.score(scan)
