# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores scans: images, DICOM, NIfTI, zip archives, or folders of them.

    python -m bit_covid.predict study/ --checkpoint=runs/bit_m --output=results

Research software, not a medical device.
"""

import argparse
from collections.abc import Sequence
import pathlib
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from bit_covid import commands

if TYPE_CHECKING:
  from bit_covid import scan_results
  from bit_covid.classifier import Classifier
  from input_pipeline import scans


class _Options(NamedTuple):
  """What the command line asks for."""

  output: pathlib.Path
  score_flagged: bool


def main(argv: Sequence[str] | None = None) -> int:
  """Does what the arguments ask for; returns the exit code."""
  arguments = _parser().parse_args(argv)
  return commands.run(lambda: _run(arguments), debug=arguments.debug)


def _parser() -> argparse.ArgumentParser:
  parser = commands.make_parser(
    'bit_covid.predict',
    description='Scores scans. Research software, not a medical device.',
    examples=(
      'STUDY --checkpoint=runs/bit_m --output=results',
      'Each image a scan of its own:\n'
      'slices/*.png --checkpoint=model.npz --output=results --images_are_scans',
    ),
    notes='It writes index.html, a page a scan, and tables; see README.txt '
    'there.',
  )
  parser.add_argument(
    'paths',
    nargs='+',
    metavar='PATH',
    help='PNG, JPEG, DICOM (.dcm or no ending) or NIfTI (.nii, .nii.gz) '
    'files, zip archives of them, and folders',
  )
  parser.add_argument(
    '--checkpoint',
    required=True,
    help='work directory of a training, or its model.npz',
  )
  parser.add_argument(
    '--output', required=True, type=pathlib.Path, help='a new or empty folder'
  )
  parser.add_argument(
    '--images_are_scans',
    action='store_true',
    help='each PNG or JPEG is a scan of its own; else those of one folder are '
    'one scan',
  )
  parser.add_argument(
    '--score_flagged',
    action='store_true',
    help='score slices that the input check flags, too; they do not count for '
    'the scan',
  )
  return parser


def _check_output(folder: pathlib.Path) -> None:
  """Raises ValueError for a folder with files: whose they are would be lost."""
  if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
    raise ValueError(
      f'--output={folder} exists and is not empty; name a new folder, or '
      'remove this one.'
    )


def _run(arguments: argparse.Namespace) -> int:
  _check_output(arguments.output)
  # JAX and TensorFlow: not before the arguments are known to be right.
  from bit_covid import scan_classifier
  from bit_covid import scan_output
  from bit_covid import scan_page
  from input_pipeline import scans

  classifier = scan_classifier.load(arguments.checkpoint)
  print(scan_page.DISCLAIMER)
  for text in scan_output.cautions(classifier):
    print(f'Note: {text}')
  with scans.find(
    arguments.paths,
    window=classifier.window or scans.LUNG,
    range_16bit=tuple(classifier.preprocessing['range_16bit']),
    images_are_scans=arguments.images_are_scans,
  ) as found:
    _say_refused(found)
    options = _Options(arguments.output, arguments.score_flagged)
    results = _score_all(classifier, found, options)
  scan_output.write_tables(options.output, results, found.refused, classifier)
  print(f'Results: {options.output / "index.html"}')
  # Nothing that could be scored is a failure, for a script that goes on.
  return 0 if any(x.joined for x in results) else 1


def _score_all(
  classifier: 'Classifier', found: 'scans.Found', options: _Options
) -> list['scan_results.ScanResult']:
  """Returns the results of all scans, after their pages were written."""
  import tqdm

  from bit_covid import scan_classifier
  from bit_covid import scan_output
  from bit_covid import scan_results

  # Once for all scans, and not counted as the time of a slice.
  seconds = scan_classifier.warm_up(classifier) if found.scans else 0.0
  print(f'Network ready after {seconds:.1f} s')
  options.output.mkdir(parents=True, exist_ok=True)
  results = []
  with tqdm.tqdm(
    total=sum(map(len, found.scans)),
    unit='slice',
    # A bar is for a terminal only.
    disable=None,
  ) as bar:
    for scan in found.scans:
      result = scan_results.score(
        classifier,
        scan,
        score_flagged=options.score_flagged,
        on_slice=bar.update,
      )
      start = time.monotonic()
      scan_output.write_page(options.output, result, classifier)
      drawing = time.monotonic() - start
      results.append(result)
      bar.write(_line(result, drawing))
      # Damaged slices, by name: here only, as a name may be a patient's.
      for each in result.slices:
        if not each.is_readable:
          bar.write(f'  Not read: {each.name}: {each.finding}')
  return results


def _line(result: 'scan_results.ScanResult', drawing: float) -> str:
  """Returns what the terminal says of a scan."""
  scan, count = result.scan, len(result.slices)
  verdict = 'no slice was scored: see its page'
  if result.joined:
    from bit_covid import scan_results

    values = result.joined[scan_results.METHOD]
    verdict = ', '.join(
      f'{name} {value:.1%}'
      for name, value in zip(result.class_names, values, strict=True)
    )
  seconds = {**result.seconds, 'drawing': drawing}
  parts = ', '.join(
    f'{name} {1000 * x / count:.0f} ms' for name, x in seconds.items()
  )
  total = sum(seconds.values())
  return (
    f'{scan.name} -> {scan.id}.html: {verdict} ({result.num_used} of {count} '
    f'slices count)\n  {total:.1f} s, {1000 * total / count:.0f} ms a slice: '
    f'{parts}'
  )


def _say_refused(found: 'scans.Found') -> None:
  """Prints the inputs that are in no scan, by their names."""
  for each in found.refused:
    if each.cause != 'foreign':
      print(f'Refused: {each.name}: {each.reason}', file=sys.stderr)
  foreign = sum(x.cause == 'foreign' for x in found.refused)
  if foreign:
    print(f'{foreign} other files, neither images nor scans', file=sys.stderr)
  if not found.scans:
    print('There is no scan in what was given.', file=sys.stderr)


if __name__ == '__main__':
  sys.exit(main())
