# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit_covid.predict`: scores scans and writes their results."""

import argparse
import sys

from etils import epath
import tqdm

from bit_covid.base import checksums
from bit_covid.base import command
from bit_covid.base import lines
from bit_covid.base import page_templates
from bit_covid.base import version
from bit_covid.cli import clinic_files
from bit_covid.cli import predict_jobs
from bit_covid.cli import scan_scorer
from bit_covid.engine import choose
from bit_covid.inference import load
from bit_covid.inference import network as network_lib
from bit_covid.scoring import output as output_lib
from bit_covid.scoring import score
from bit_covid.scoring import scored_rows
from bit_covid.scoring import unfinished
from bit_covid.weights import find
from input_pipeline import scans

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
  network = choose.load(
    arguments.checkpoint, flips=arguments.flips, engine=arguments.engine
  )
  lines.say(page_templates.DISCLAIMER)
  if arguments.engine != 'jax':
    lines.say(f'Engine: {network.engine.name}')
  for text in output_lib.cautions(network):
    lines.say(f'Note: {text}')
  with scan_scorer.find(
    arguments.paths, network, images_are_scans=arguments.images_are_scans
  ) as all_found:
    found = scans.without_copies(all_found)
    _say_refused(found)
    clinic = clinic_files.ClinicFiles(arguments, found, network)
    progress = _begin(arguments, found, network.engine.name)
    scorer = scan_scorer.ScanScorer(arguments, network, clinic)
    rest = _score_rest(network, found, arguments, scorer, progress)
  clinic.write_key()
  scored = [
    rest[x.id].rows
    if x.id in rest
    else scored_rows.ScoredRows(**progress.read(x.id))
    for x in found.scans
  ]
  counts = output_lib.write_tables(arguments.output, scored, found, network)
  lines.say(counts)
  lines.say(f'Results: {arguments.output / "index.html"}')
  has_failed = any(x.has_failed for x in rest.values())
  lacks_files = not clinic.is_possible or any(x.lacks_files for x in scored)
  has_result = any(x.has_result for x in scored)
  is_complete = has_result and not has_failed and not lacks_files
  return 0 if is_complete else command.NOT_DONE


def _begin(
  arguments: argparse.Namespace, found: scans.Found, engine: str
) -> unfinished.Unfinished:
  """Returns the scans that are done, none of a new call.

  Raises:
    ValueError: the folder holds results of another call, or of other scans.
  """
  paths = find.find_checkpoints(arguments.checkpoint)
  call: dict[str, object] = {
    'version': version.VERSION,
    'engine': engine,
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
  scorer: scan_scorer.ScanScorer,
  progress: unfinished.Unfinished,
) -> dict[str, scan_scorer.Done]:
  """Returns the scans that were left, after scoring them."""
  done = progress.ids()
  left = {x.id: x for x in found.scans if x.id not in done}
  rest: dict[str, scan_scorer.Done] = {}
  total = sum(map(len, left.values()))
  # The bar is shown on a terminal only.
  with tqdm.tqdm(total=total, unit='slice', disable=None) as bar:

    def add(scan_id: str, scan: scan_scorer.Done) -> None:
      rest[scan_id] = scan
      # A scan that failed is tried again if the call is interrupted.
      if not scan.has_failed:
        progress.add(scan_id, scan.rows._asdict())
      bar.set_description(f'{len(rest)} of {len(left)} scans')
      for text in scan.texts:
        bar.write(lines.shown(text))

    if arguments.jobs > 1 and len(left) > 1:

      def add_from_elsewhere(scan_id: str, scan: scan_scorer.Done) -> None:
        add(scan_id, scan)
        bar.update(len(left[scan_id]))

      died = predict_jobs.score(arguments, left, add_from_elsewhere)
      for scan_id in died:
        error = RuntimeError('its process was ended by the system')
        add_from_elsewhere(scan_id, scorer.give_up(left[scan_id], error))
      return rest
    # Compiled before the first scan, so that its time does not include it.
    longest = min(max(map(len, left.values()), default=0), score.BATCH)
    seconds = load.warm_up(network, num_slices=longest) if longest else 0.0
    lines.say(f'Network ready after {seconds:.1f} s')
    for scan_id, scan in left.items():
      add(scan_id, scorer.score(scan, on_slice=bar.update))
  return rest


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
