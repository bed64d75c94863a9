# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Arguments that several commands have in common."""

import argparse
from importlib import util
import os
import pathlib

from bit_covid.base import disk
from bit_covid.base import project

# Error messages of the library name fields of the config. Commands without a
# config show their own flags instead.
FIELDS_AS_FLAGS = {
  'config.data.name': '--dataset',
  'config.data.path': '--data',
  'config.data.': '--',
  'config.eval_batch': '--batch',
}


ENGINES = ('jax', 'openvino')


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


def check_new_folder(folder: pathlib.Path, flag: str = '--output') -> None:
  """Checks that a folder can be written to and has no files to be lost.

  Raises:
    ValueError: it cannot, or is not empty. The message names the flag.
  """
  disk.check_folder(folder, flag)
  if folder.exists() and any(folder.iterdir()):
    raise ValueError(
      f'{flag}={folder} exists and is not empty; name a new folder, or '
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
    help='work directory of a training, or its model.npz; several with commas, '
    'or the folder of a cross-validation, are an ensemble',
  )
  add_flips(parser)
  add_engine(parser)
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


def add_flips(parser: argparse.ArgumentParser) -> None:
  """Adds --flips."""
  parser.add_argument(
    '--flips',
    action='store_true',
    help='average the results of each slice and its mirror image',
  )


def add_engine(parser: argparse.ArgumentParser) -> None:
  """Adds --engine."""
  parser.add_argument(
    '--engine',
    choices=ENGINES,
    default=ENGINES[0],
    help='what computes the network; openvino uses bfloat16 if the processor '
    'has it, and needs the extra openvino; default: jax',
  )


def add_clinic(parser: argparse.ArgumentParser) -> None:
  """Adds --nifti, --dicom and --key, for `check_clinic`."""
  parser.add_argument(
    '--nifti',
    action='store_true',
    help='also write the Grad-CAM map of each class as a NIfTI volume that '
    'lies over the scan, with nothing of the patient',
  )
  parser.add_argument(
    '--dicom',
    type=pathlib.Path,
    metavar='FOLDER',
    help='also write a Parametric Map and a Structured Report for the study of '
    'the patient, whom they name, into a new folder of their own',
  )
  parser.add_argument(
    '--key',
    type=pathlib.Path,
    metavar='FILE',
    help='also write which id in the results is which file and patient, into a '
    'new CSV file outside of the results',
  )


def check_clinic(
  arguments: argparse.Namespace, *, goes_on: bool = False
) -> None:
  """Checks that --dicom and --key can be written, apart from --output.

  Args:
    arguments: of the command.
    goes_on: whether the command goes on, so that they may exist.

  Raises:
    ValueError: they cannot.
  """
  output, dicom, key = arguments.output, arguments.dicom, arguments.key
  if dicom is not None:
    if util.find_spec('highdicom') is None:
      raise ValueError(
        "--dicom needs the package 'highdicom', which is not installed: "
        f'{project.install_command("dicom")}.'
      )
    check_apart(dicom, '--dicom', output)
    check_apart(output, '--output', dicom, '--dicom')
    if not goes_on:
      check_new_folder(dicom, '--dicom')
  if key is not None:
    check_apart(key, '--key', output)
    disk.check_folder(key.parent, '--key')
    if key.exists() and not goes_on:
      raise ValueError(f'--key={key} exists; name a new file.')


def check_apart(
  path: pathlib.Path, flag: str, folder: pathlib.Path, other: str = '--output'
) -> None:
  """Checks that a path is not in a folder, as one of them names patients.

  Raises:
    ValueError: it is. The message names the flags of both.
  """
  if path.resolve().is_relative_to(folder.resolve()):
    raise ValueError(
      f'{flag}={path} lies in {other}={folder}; what names patients is kept '
      'apart from the results: name another place.'
    )
