# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The data that benchmarks of the input side run on."""

import argparse

import ml_collections

import input_pipeline


def add_flags(parser: argparse.ArgumentParser) -> None:
  """Adds what says where the data are and how large the slices shall be."""
  parser.add_argument('--data', required=True, help="COVIDx CT's folder")
  parser.add_argument(
    '--data_dir', help='where prepared data sets are kept; a temporary one'
  )
  parser.add_argument('--name', default='covidx_ct/3a')
  parser.add_argument('--split', default='train')
  parser.add_argument('--resize', type=int, default=512)
  parser.add_argument('--crop', type=int, default=480)


def load(
  args: argparse.Namespace, name: str
) -> tuple[input_pipeline.Examples, ml_collections.ConfigDict]:
  """Returns the split, and the field `data` of a config that it came from."""
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
