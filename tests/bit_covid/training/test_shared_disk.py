# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Hosts that see a shared disk late, or another folder."""

import hashlib

from etils import epath
import pytest

from bit_covid.training import shared_disk


@pytest.fixture
def others_see(monkeypatch):
  """Lets another host see the given texts, one after the other."""
  waits = []

  def set_views(*views):
    remaining = list(views)
    monkeypatch.setattr(
      shared_disk.hosts,
      'texts_of_all',
      lambda own: [
        own,
        remaining.pop(0) if len(remaining) > 1 else remaining[0],
      ],
    )
    monkeypatch.setattr(shared_disk.jax, 'process_count', lambda: 2)
    monkeypatch.setattr(shared_disk.time, 'sleep', waits.append)
    return waits

  return set_views


def test_a_view_that_is_late_is_awaited(others_see):
  waits = others_see('4', '4', '8')
  assert shared_disk.wait_until_same(lambda: '8') == ['8', '8']
  assert len(waits) == 2


def test_waiting_ends_after_a_minute(others_see):
  waits = others_see('4')
  assert shared_disk.wait_until_same(lambda: '8') == ['8', '4']
  assert sum(waits) == 60


def test_another_folder_is_refused(others_see, tmp_path):
  path = epath.Path(tmp_path) / 'run.json'
  path.write_text('[]')
  others_see('missing')
  with pytest.raises(ValueError, match=r'Host 1 does not see .*run.json'):
    shared_disk.check_seen(path)


def test_the_same_file_is_accepted(others_see, tmp_path):
  path = epath.Path(tmp_path) / 'run.json'
  path.write_text('[]')
  others_see('missing', hashlib.sha256(b'[]').hexdigest())
  shared_disk.check_seen(path)
