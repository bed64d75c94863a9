# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What hosts agree on, and how this one finds its place among them."""

import json
import socket
import types

import jax
import numpy as np
import pytest

from bit_covid.base import host_watch
from bit_covid.base import hosts


def _hosts_send(monkeypatch, *facts):
  """Lets the other hosts have these facts."""
  others = [json.dumps([f'node{i}', x]) for i, x in enumerate(facts, start=1)]
  monkeypatch.setattr(hosts, 'texts_of_all', lambda own: [own, *others])


def test_hosts_with_the_same_facts_pass(monkeypatch):
  _hosts_send(monkeypatch, {'a': [1], 'b': None}, {'b': None, 'a': [1]})
  hosts.check_same({'a': (1,), 'b': None}, remedy='')


def test_fact_and_host_that_differ_are_named(monkeypatch):
  _hosts_send(monkeypatch, {'batch': 8, 'seed': 0}, {'batch': 16, 'x': 1})
  with pytest.raises(ValueError, match='differ') as error:
    hosts.check_same({'batch': 8, 'seed': 0}, remedy='Give the same.')
  own = f'host 0 ({socket.gethostname()})'
  assert str(error.value) == (
    f'The hosts differ: batch is 8 on {own}, 16 on host 2 (node2); '
    f'seed is 0 on {own}, None on host 2 (node2); '
    f'x is None on {own}, 1 on host 2 (node2). Give the same.'
  )


@pytest.mark.parametrize('texts', [['a'], ['', 'longer', 'ü']])
def test_texts_of_any_length_are_gathered(monkeypatch, texts):
  def gather(own):
    # What the others would send, padded to the same length.
    contents = [text.encode() for text in texts]
    if own.ndim == 0:
      return np.array([len(content) for content in contents])
    return np.stack(
      [np.frombuffer(x.ljust(len(own), b'\0'), np.uint8) for x in contents]
    )

  monkeypatch.setattr(jax, 'process_count', lambda: len(texts))
  monkeypatch.setattr(hosts.multihost_utils, 'process_allgather', gather)
  assert hosts.texts_of_all(texts[0]) == texts


def test_place_in_a_slurm_job_is_found(monkeypatch):
  for name, value in {
    'SLURM_JOB_ID': '5',
    'SLURM_STEP_NODELIST': 'node[007-009]',
    'SLURM_NTASKS': '3',
    'SLURM_PROCID': '2',
    'SLURM_LOCALID': '0',
  }.items():
    monkeypatch.setenv(name, value)
  assert hosts.find_place() == host_watch.Place('node007:61445', 3, 2)


def test_without_any_cluster_the_other_flags_are_named(monkeypatch):
  monkeypatch.delenv('SLURM_JOB_ID', raising=False)
  with pytest.raises(ValueError, match='no job of SLURM'):
    hosts.find_place()


@pytest.mark.parametrize(
  ('place', 'message'),
  [
    (('node7', 2, 0), '--coordinator=node7 is not of the form host:port'),
    (('node7:99999', 2, 0), '99999 is not of .* a port of at most 65535'),
    (('node7:80', 2, 2), '--process_id=2 is none of the 2 of --num_processes'),
  ],
)
def test_impossible_places_are_refused(place, message):
  with (
    pytest.raises(ValueError, match=message),
    hosts.together(host_watch.Place(*place), start_seconds=1),
  ):
    pass


@pytest.mark.parametrize('place', [None, host_watch.Place('node7:80', 1, 0)])
def test_a_host_that_is_alone_is_not_watched(place):
  with hosts.together(place, start_seconds=1):
    assert not jax.distributed.is_initialized()
  hosts.end_if_connected(1)


def test_other_hosts_are_told_of_ctrl_c():
  told = []
  watch = types.SimpleNamespace(
    leave=lambda reason, **options: told.append((reason, options['exit_code']))
  )
  hosts._raise_first_cause(watch, KeyboardInterrupt())
  assert told == [('by SIGINT.', 130)]
