# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Hashes patient ids with a secret key that stays with the hospital.

Without a key, anyone who knows how a hospital numbers its patients could find
the number behind a digest by trying all of them.
"""

import fcntl
import hmac
import os
import pathlib
import secrets

_BYTES = 32


def read_or_make_key(path: pathlib.Path) -> bytes:
  """Returns the key in a file; writes a new one if there is no such file.

  Raises:
    ValueError: the file exists but holds no key.
  """
  # The key is only read if there is one, as its file may be write-protected.
  if not path.exists() or not path.stat().st_size:
    _make_key(path)
  try:
    key = bytes.fromhex(path.read_text().strip())
  except ValueError:
    key = b''
  if len(key) < _BYTES:
    raise ValueError(
      f'{path} holds no key of {2 * _BYTES} hexadecimal digits. Name another '
      'file, and it is made.'
    )
  return key


def _make_key(path: pathlib.Path) -> None:
  """Writes a new key into a file that is missing or empty."""
  path.parent.mkdir(parents=True, exist_ok=True)
  # Created with these permissions, so that no one else can ever read it.
  handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
  with os.fdopen(handle, 'w') as file:
    # Of several processes at the same new file, the first one writes the key.
    # The file itself is the lock, so that a crash leaves nothing behind.
    fcntl.flock(file, fcntl.LOCK_EX)
    if not os.fstat(handle).st_size:
      file.write(secrets.token_hex(_BYTES) + '\n')


def hashed(patient: str, key: bytes) -> str:
  """Returns the HMAC-SHA256 of a patient's id, its first 16 hex digits."""
  return hmac.digest(key, patient.encode(), 'sha256').hex()[:16]
