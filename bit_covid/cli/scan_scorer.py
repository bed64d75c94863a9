# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One scan of `bit_covid.predict`: scored, with its files, whatever happens."""

import argparse
from collections.abc import Callable, Sequence
import contextlib
import time
import traceback
from typing import NamedTuple

from bit_covid.base import disk
from bit_covid.cli import clinic_files
from bit_covid.inference import network as network_lib
from bit_covid.scoring import output
from bit_covid.scoring import page
from bit_covid.scoring import scan_result
from bit_covid.scoring import score
from bit_covid.scoring import scored_rows
from input_pipeline import scans
from input_pipeline.scans import window


class Done(NamedTuple):
  """A scan whose files are written.

  Attributes:
    rows: its part of the tables.
    texts: lines to print.
    has_failed: whether an error kept it from being scored.
  """

  rows: scored_rows.ScoredRows
  texts: list[str]
  has_failed: bool = False


class ScanScorer:
  """Scores scans as the arguments of the command say."""

  def __init__(
    self,
    arguments: argparse.Namespace,
    network: network_lib.Network,
    clinic: clinic_files.ClinicFiles,
  ):
    self._arguments = arguments
    self._network = network
    self._clinic = clinic

  def score(
    self, scan: scans.Scan, *, on_slice: Callable[[], None] = lambda: None
  ) -> Done:
    """Returns what is kept of a scan, after writing its files.

    Raises:
      OSError: a file could not be written.
    """
    try:
      return self._score(scan, on_slice)
    # Whatever a damaged scan brings about in the libraries that read it.
    except Exception as error:
      if disk.is_full(error):
        raise
      if self._arguments.debug:
        traceback.print_exc()
      return self.give_up(scan, error)

  def give_up(self, scan: scans.Scan, error: Exception) -> Done:
    """Returns a scan without a result, after writing a page that says so."""
    result = score.failed(self._network, scan, error)
    output.write_page(self._arguments.output, result, self._network)
    text = f'{scan.name}: not scored: {type(error).__name__}: {error}'
    return Done(scored_rows.of_result(result), [text], has_failed=True)

  def _score(self, scan: scans.Scan, on_slice: Callable[[], None]) -> Done:
    result = score.score(
      self._network,
      scan,
      score_flagged=self._arguments.score_flagged,
      allow_unfamiliar=self._arguments.allow_unfamiliar,
      on_slice=on_slice,
    )
    start = time.monotonic()
    output.write_page(self._arguments.output, result, self._network)
    drawing = time.monotonic() - start
    written = self._clinic.write(result)
    rows = scored_rows.of_result(result)
    return Done(
      rows._replace(lacks_files=not written.is_complete),
      [*_texts(result, drawing), *written.texts],
    )


def find(
  paths: Sequence[str],
  network: network_lib.Network,
  *,
  images_are_scans: bool = False,
  are_named: bool = True,
) -> contextlib.AbstractContextManager[scans.Found]:
  """Returns what finds the scans in some paths for a network."""
  return scans.find(
    paths,
    window=network.window or window.DEFAULT,
    range_16bit=tuple(network.preprocessing['range_16bit']),
    images_are_scans=images_are_scans,
    are_named=are_named,
  )


def _texts(result: scan_result.ScanResult, drawing: float) -> list[str]:
  """Returns the lines on a scan that are printed."""
  scan, count = result.scan, len(result.slices)
  text = 'no slice was scored: see its page'
  if result.scan_probabilities:
    values = result.scan_probabilities[scan_result.DEFAULT_AGGREGATION]
    text = ', '.join(
      f'{name} {value:.1%}'
      for name, value in zip(result.class_names, values, strict=True)
    )
  seconds = {**result.seconds, 'drawing': drawing}
  parts = ', '.join(
    f'{name} {1000 * x / count:.0f} ms' for name, x in seconds.items()
  )
  total = sum(seconds.values())
  return [
    f'{scan.name} -> {scan.id}.html: {text} ({result.num_used} of {count} '
    'slices count)',
    f'  {result.verdict.meaning} {" ".join(result.verdict.reasons)}',
    *(f'  {text}' for text in page.worth(result)),
    f'  {total:.1f} s, {1000 * total / count:.0f} ms a slice: {parts}',
    *(f'  Note: {note}' for note in scan.notes),
    # Damaged slices are named on the terminal only, since a file name can
    # identify the patient.
    *(
      f'  Not read: {each.name}: {each.finding}'
      for each in result.slices
      if not each.is_readable
    ),
  ]
