# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit_covid.predict`: scores scans and writes their results."""

import argparse
import sys
import time
import traceback

from etils import epath
import tqdm

from bit_covid.base import checksums
from bit_covid.base import command
from bit_covid.base import disk
from bit_covid.base import lines
from bit_covid.base import page_templates
from bit_covid.base import version
from bit_covid.cli import clinic_files
from bit_covid.inference import load
from bit_covid.inference import network as network_lib
from bit_covid.scoring import output as output_lib
from bit_covid.scoring import page
from bit_covid.scoring import scan_result
from bit_covid.scoring import score
from bit_covid.scoring import scored_rows
from bit_covid.scoring import unfinished
from bit_covid.weights import find
from input_pipeline import scans
from input_pipeline.scans import window as window_lib

# Arguments on which the results depend besides the scans and the checkpoint.
_OPTIONS = (
  'flips',
  'score_flagged',
  'allow_unfamiliar',
  'images_are_scans',
  'nifti',
)


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
    progress = _begin(arguments, found)
    failed = _score_rest(network, found, arguments, clinic, progress)
  clinic.write_key()
  scored = [
    failed.get(x.id) or scored_rows.ScoredRows(**progress.read(x.id))
    for x in found.scans
  ]
  counts = output_lib.write_tables(arguments.output, scored, found, network)
  progress.remove()
  lines.say(counts)
  lines.say(f'Results: {arguments.output / "index.html"}')
  is_complete = not failed and clinic.is_complete
  has_result = any(x.has_result for x in scored)
  return 0 if has_result and is_complete else command.NOT_DONE


def _begin(
  arguments: argparse.Namespace, found: scans.Found
) -> unfinished.Unfinished:
  """Returns the scans that are done, none of a new call.

  Raises:
    ValueError: the folder holds results of another call, or of other scans.
  """
  paths = find.find_checkpoints(arguments.checkpoint)
  call: dict[str, object] = {
    'version': version.VERSION,
    'checkpoint': [checksums.of_file(epath.Path(x)) for x in paths],
  }
  call |= {name: getattr(arguments, name) for name in _OPTIONS}
  call |= {name: bool(getattr(arguments, name)) for name in ('dicom', 'key')}
  progress = unfinished.Unfinished(arguments.output, call)
  progress.check_among(x.id for x in found.scans)
  if arguments.dicom:
    arguments.dicom.mkdir(mode=0o700, parents=True, exist_ok=True)
  if done := len(progress.ids()):
    lines.say(f'{done} of {len(found.scans)} scans are done already.')
  return progress


def _score_rest(
  network: network_lib.Network,
  found: scans.Found,
  arguments: argparse.Namespace,
  clinic: clinic_files.ClinicFiles,
  progress: unfinished.Unfinished,
) -> dict[str, scored_rows.ScoredRows]:
  """Returns the rows of the scans that failed, after scoring all that are left.

  Failed ones are not stored as done, so that a call that is interrupted tries
  them again.

  Raises:
    OSError: the disk is full.
  """
  done = progress.ids()
  left = [x for x in found.scans if x.id not in done]
  # Compiled before the first scan, so that its time does not include it.
  longest = min(max(map(len, left), default=0), score.BATCH)
  seconds = load.warm_up(network, num_slices=longest) if longest else 0.0
  lines.say(f'Network ready after {seconds:.1f} s')
  failed = {}
  # The bar is shown on a terminal only.
  with tqdm.tqdm(total=sum(map(len, left)), unit='slice', disable=None) as bar:
    for number, scan in enumerate(left, start=1):
      bar.set_description(f'Scan {number} of {len(left)}', refresh=False)
      try:
        rows, texts = _score(network, scan, arguments, clinic, bar)
        progress.add(scan.id, rows._asdict())
      # Whatever a damaged scan brings about in the libraries that read it.
      except Exception as error:
        if disk.is_full(error):
          raise
        if arguments.debug:
          traceback.print_exc()
        result = score.failed(network, scan, error)
        output_lib.write_page(arguments.output, result, network)
        failed[scan.id] = scored_rows.of_result(result)
        texts = [f'{scan.name}: not scored: {type(error).__name__}: {error}']
      for text in texts:
        bar.write(lines.shown(text))
  return failed


def _score(
  network: network_lib.Network,
  scan: scans.Scan,
  arguments: argparse.Namespace,
  clinic: clinic_files.ClinicFiles,
  bar: tqdm.tqdm,
) -> tuple[scored_rows.ScoredRows, list[str]]:
  """Returns what is kept of a scan and the lines on it; writes its files."""
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
  texts = [*_texts(result, drawing), *clinic.write(result)]
  return scored_rows.of_result(result), texts


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
