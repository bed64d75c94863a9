# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Arguments that several commands have in common."""

import argparse
import os
import pathlib

from bit_covid.base import disk

# Error messages of the library name fields of the config. Commands without a
# config show their own flags instead.
FIELDS_AS_FLAGS = {
  'config.data.name': '--dataset',
  'config.data.path': '--data',
  'config.data.': '--',
  'config.eval_batch': '--batch',
}


def add_data(
  parser: argparse.ArgumentParser, *, data_help: str = 'folder with COVIDx CT'
) -> None:
  """Adds --data, --data_dir and --image_folder, which say where data lie."""
  parser.add_argument('--data', default='', help=data_help)
  parser.add_argument(
    '--data_dir', default='', help='folder of prepared datasets'
  )
  parser.add_argument(
    '--image_folder', default='', help='folder of the images in --data'
  )


def add_map(parser: argparse.ArgumentParser) -> None:
  """Adds --map, texts for `analysis.class_mapping.parse`."""
  parser.add_argument(
    '--map',
    action='append',
    default=[],
    metavar='THEIRS:OURS',
    help='class of the network that a class of other data is, where its name '
    'does not say it; THEIRS: leaves its slices out; may be repeated',
  )


def add_seed(parser: argparse.ArgumentParser, purpose: str) -> None:
  """Adds --seed, with what it is for, such as 'of the order'."""
  parser.add_argument(
    '--seed', type=int, default=0, help=f'{purpose}, default: %(default)s'
  )


def add_new_folder(parser: argparse.ArgumentParser) -> None:
  """Adds --output, a folder for `check_new_folder`."""
  parser.add_argument(
    '--output', required=True, type=pathlib.Path, help='a new or empty folder'
  )


def check_new_folder(folder: pathlib.Path) -> None:
  """Checks that --output can be written to and has no files to be lost.

  Raises:
    ValueError: it cannot, or is not empty.
  """
  disk.check_folder(folder, '--output')
  if folder.exists() and any(folder.iterdir()):
    raise ValueError(
      f'--output={folder} exists and is not empty; name a new folder, or '
      'remove this one.'
    )


def check_exist(*paths: str | os.PathLike[str] | None, expected: str) -> None:
  """Checks that there is something at each path; '' and None are no paths.

  Args:
    *paths: of files or folders.
    expected: what they should be, for the message.

  Raises:
    FileNotFoundError: there is nothing at a path.
  """
  for path in paths:
    if path and not os.path.exists(path):
      raise FileNotFoundError(f'{path} does not exist. Give {expected}.')


def add_scoring(parser: argparse.ArgumentParser) -> None:
  """Adds the arguments that all commands have that score scans."""
  parser.add_argument(
    '--checkpoint',
    required=True,
    help='work directory of a training, or its model.npz',
  )
  parser.add_argument(
    '--score_flagged',
    action='store_true',
    help='also score slices that the input check flags; they do not count for '
    'the scan',
  )
  parser.add_argument(
    '--allow_unfamiliar',
    action='store_true',
    help='give probabilities also for scans that are refused as too unlike '
    'those of the training',
  )
