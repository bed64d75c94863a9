# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks that fail or kill their process, and what is said of them."""

import os
import signal
import urllib.error
import urllib.request

import pytest

for _package in ('cryptography', 'distributed', 'pyarrow'):
  pytest.importorskip(_package, reason='needs the extra `archive`')
# Below the lines that skip these tests, as it imports Dask.
from bit_covid.archive import cluster  # noqa: E402
from bit_covid.archive import index  # noqa: E402


def work(number):
  if number == 3:
    raise ValueError('Jane Doe')
  if number == 5:
    os.kill(os.getpid(), signal.SIGKILL)
  return number * 10


@pytest.fixture(scope='module')
def client():
  with cluster.start(1) as started:
    yield started


def test_a_task_that_fails_or_kills_its_worker_stops_no_other(client, capfd):
  found = dict(cluster.run(client, work, range(12), name='study'))
  expected = {i: i * 10 for i in range(12)}
  expected[3] = cluster.Failed('ValueError')
  expected[5] = cluster.Failed('KilledWorker')
  assert found == expected
  assert 'Doe' not in ''.join(capfd.readouterr())


def test_no_page_is_served(client):
  services = client.run_on_scheduler(
    lambda dask_scheduler: dask_scheduler.services['dashboard'].port
  )
  for page in ('status', 'health', 'metrics', 'json/identity.json'):
    with pytest.raises(urllib.error.HTTPError, match='404'):
      urllib.request.urlopen(f'http://127.0.0.1:{services}/{page}', timeout=9)


def test_what_tasks_are_given_does_not_show_paths():
  entry = index.Entry('/Doe/1.dcm', 'a', 'dicom', 1, None)
  assert 'Doe' not in repr(index.Study('b', [entry]))
  assert 'Doe' not in repr(index.Files([entry]))
