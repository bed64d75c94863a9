# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The data that the benchmarks of the input pipeline read."""

import argparse

import ml_collections

import input_pipeline


def add_flags(parser: argparse.ArgumentParser) -> None:
  """Adds the flags for the location of the data and the size of the slices."""
  parser.add_argument('--data', required=True, help='folder of COVIDx CT')
  parser.add_argument(
    '--data_dir',
    help='where prepared data sets are kept; by default a temporary folder',
  )
  parser.add_argument('--name', default='covidx_ct/3a')
  parser.add_argument('--split', default='train')
  parser.add_argument('--resize', type=int, default=512)
  parser.add_argument('--crop', type=int, default=480)


def load(
  args: argparse.Namespace, name: str
) -> tuple[input_pipeline.Examples, ml_collections.ConfigDict]:
  """Returns the split of a data set, and the data config it was read with.

  Args:
    args: the values of the flags of `add_flags`.
    name: of the data set, such as 'covidx_ct/3a'.
  """
  config = ml_collections.ConfigDict(
    {
      'name': name,
      'path': args.data,
      'data_dir': args.data_dir,
      'image_folder': '',
      'box': 'annotated',
      'resize': args.resize,
      'crop': args.crop,
      'antialias': False,
      'per_class': 0,
      'per_class_by': 'slice',
    }
  )
  return input_pipeline.load_split(config, args.split), config
