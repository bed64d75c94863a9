# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit_covid.predict`: scores scans and writes their results."""

import argparse
import sys
import time

import tqdm

from bit_covid.base import command
from bit_covid.base import lines
from bit_covid.base import page_templates
from bit_covid.cli import clinic_files
from bit_covid.inference import load
from bit_covid.inference import network as network_lib
from bit_covid.scoring import output as output_lib
from bit_covid.scoring import page
from bit_covid.scoring import scan_result
from bit_covid.scoring import score
from bit_covid.scoring import tables
from input_pipeline import scans
from input_pipeline.scans import window as window_lib


def run(arguments: argparse.Namespace) -> int:
  """Returns the exit code, after scoring what `predict.py`'s arguments name."""
  network = load.load(arguments.checkpoint, flips=arguments.flips)
  lines.say(page_templates.DISCLAIMER)
  for text in output_lib.cautions(network):
    lines.say(f'Note: {text}')
  with scans.find(
    arguments.paths,
    window=network.window or window_lib.DEFAULT,
    range_16bit=tuple(network.preprocessing['range_16bit']),
    images_are_scans=arguments.images_are_scans,
  ) as all_found:
    found = scans.without_copies(all_found)
    _say_refused(found)
    clinic = clinic_files.ClinicFiles(arguments, found, network)
    results = _score_all(network, found, arguments, clinic)
  clinic.write_key()
  output_lib.write_tables(arguments.output, results, found, network)
  lines.say(tables.counts_text(results, found))
  lines.say(f'Results: {arguments.output / "index.html"}')
  has_result = any(x.scan_probabilities for x in results)
  return 0 if has_result and clinic.is_complete else command.NOT_DONE


def _score_all(
  network: network_lib.Network,
  found: scans.Found,
  arguments: argparse.Namespace,
  clinic: clinic_files.ClinicFiles,
) -> list[scan_result.ScanResult]:
  """Returns the results of all scans, after their pages were written."""
  # Compiled before the first scan, so that its time does not include it.
  longest = min(max(map(len, found.scans), default=0), score.BATCH)
  seconds = load.warm_up(network, num_slices=longest) if longest else 0.0
  lines.say(f'Network ready after {seconds:.1f} s')
  arguments.output.mkdir(parents=True, exist_ok=True)
  results = []
  total = sum(map(len, found.scans))
  # The bar is shown on a terminal only.
  with tqdm.tqdm(total=total, unit='slice', disable=None) as bar:
    for scan in found.scans:
      result = score.score(
        network,
        scan,
        score_flagged=arguments.score_flagged,
        allow_unfamiliar=arguments.allow_unfamiliar,
        on_slice=bar.update,
      )
      start = time.monotonic()
      output_lib.write_page(arguments.output, result, network)
      drawing = time.monotonic() - start
      results.append(result)
      for text in [*_texts(result, drawing), *clinic.write(result)]:
        bar.write(lines.shown(text))
  return results


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


def _say_refused(found: scans.Found) -> None:
  """Prints the names of the files that are in no scan, and why."""
  for each in found.refused:
    if each.cause != 'foreign':
      lines.say(f'Refused: {each.name}: {each.reason}', sys.stderr)
  foreign = sum(x.cause == 'foreign' for x in found.refused)
  if foreign:
    text = f'{foreign} other files, neither images nor scans'
    lines.say(text, sys.stderr)
  if not found.scans:
    lines.say('There is no scan in what was given.', sys.stderr)
