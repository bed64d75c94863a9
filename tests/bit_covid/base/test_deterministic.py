# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""XLA's flag; that XLA knows it is seen in `test_main`."""

import os

import jax
import pytest

from bit_covid.base import deterministic

FLAG = '--xla_gpu_deterministic_ops=true'


def test_flag_is_added_once_to_those_of_the_user(monkeypatch):
  monkeypatch.setenv('XLA_FLAGS', '--xla_dump_to=/nowhere')
  deterministic.enable()
  deterministic.enable()
  assert os.environ['XLA_FLAGS'] == f'--xla_dump_to=/nowhere {FLAG}'


def test_gpus_need_the_flag_and_others_do_not(monkeypatch):
  monkeypatch.delenv('XLA_FLAGS', raising=False)
  deterministic.check()
  monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
  with pytest.raises(ValueError, match=f'without XLA_FLAGS={FLAG}'):
    deterministic.check()
  monkeypatch.setenv('XLA_FLAGS', FLAG)
  deterministic.check()
