# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What run.json says."""

import json

import jax
import numpy as np

from bit_covid.training import provenance


def test_facts_are_json_and_name_versions_and_devices():
  facts = json.loads(json.dumps(provenance.collect()))
  assert facts['packages']['jax'] == jax.__version__
  assert facts['packages']['numpy'] == np.__version__
  assert None not in facts['packages'].values()
  assert facts['devices'] == ['cpu:cpu', 'cpu:cpu']
  assert facts['hosts'] == 1
