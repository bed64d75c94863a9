# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Keys of patient ids, above all when several processes want one."""

from concurrent import futures
import threading
import time

import pytest

from input_pipeline import patient_hash


def test_all_that_ask_at_once_for_a_new_key_get_the_same(tmp_path, monkeypatch):
  together = threading.Barrier(8)
  token_hex = patient_hash.secrets.token_hex

  def draw(count):
    time.sleep(0.01)  # So that all of them are at it.
    return token_hex(count)

  monkeypatch.setattr(patient_hash.secrets, 'token_hex', draw)

  def read(path):
    together.wait()
    return patient_hash.read_or_make_key(path)

  with futures.ThreadPoolExecutor(8) as pool:
    for i in range(5):
      path = tmp_path / 'keys' / f'{i}.key'
      keys = set(pool.map(read, [path] * 8))
      assert keys == {bytes.fromhex(path.read_text())}
      assert path.stat().st_mode & 0o777 == 0o600
  assert len({path.read_text() for path in path.parent.iterdir()}) == 5


def test_a_file_that_a_crash_left_empty_gets_a_key(tmp_path):
  path = tmp_path / 'a.key'
  path.touch()
  assert len(patient_hash.read_or_make_key(path)) == 32


@pytest.mark.parametrize('content', ['00' * 31, 'no key', '\n'])
def test_a_file_without_a_key_is_refused_and_kept(tmp_path, content):
  path = tmp_path / 'a.key'
  path.write_text(content)
  with pytest.raises(ValueError, match=r'a\.key holds no key'):
    patient_hash.read_or_make_key(path)
  assert path.read_text() == content
