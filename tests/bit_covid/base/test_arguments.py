# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Arguments that several commands share."""

import argparse

from bit_covid.analysis import resampling
from bit_covid.base import arguments


def test_replicates_of_commands_are_those_of_functions():
  parser = argparse.ArgumentParser()
  arguments.add_replicates(parser)
  assert parser.parse_args([]).replicates == resampling.Resamples().count
