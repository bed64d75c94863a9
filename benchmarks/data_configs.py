# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The data that the benchmarks of the input pipeline read."""

import argparse
from collections.abc import Callable
import tempfile
from typing import Any

import ml_collections

from benchmarks import turns
from configs import common
import input_pipeline


def run(
  parser: argparse.ArgumentParser,
  measure: Callable[[argparse.Namespace], dict[str, Any]],
) -> None:
  """Parses the flags, those of the data included, and reports what is measured.

  Args:
    parser: with the flags of the benchmark.
    measure: takes the parsed flags and returns the result.
  """
  parser.add_argument('--data', required=True, help='folder of COVIDx CT')
  parser.add_argument(
    '--data_dir',
    help='where prepared data sets are kept; by default a temporary folder',
  )
  parser.add_argument('--name', default='covidx_ct/3a')
  parser.add_argument('--split', default='train')
  parser.add_argument('--resize', type=int, default=512)
  parser.add_argument('--crop', type=int, default=480)
  turns.add_json_flag(parser)
  args = parser.parse_args()
  with tempfile.TemporaryDirectory() as data_dir:
    args.data_dir = args.data_dir or data_dir
    result = measure(args)
  turns.report(turns.facts() | result, args.json)


def load(
  args: argparse.Namespace, name: str
) -> tuple[input_pipeline.Examples, ml_collections.ConfigDict]:
  """Returns the split of a data set, and the data config it was read with."""
  config = common.get_config().data
  config.update(
    name=name,
    path=args.data,
    data_dir=args.data_dir,
    resize=args.resize,
    crop=args.crop,
  )
  return input_pipeline.load_split(config, args.split), config
