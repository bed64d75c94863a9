# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Hashes patient ids with a secret key that stays with the hospital.

Without a key, anyone who knows how a hospital numbers its patients could find
the number behind a digest by trying all of them.
"""

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
  if not path.exists():
    path.parent.mkdir(parents=True, exist_ok=True)
    # Created with these permissions, so that no one else can ever read it.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, 'w') as file:
      file.write(secrets.token_hex(_BYTES) + '\n')
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


def hashed(patient: str, key: bytes) -> str:
  """Returns the HMAC-SHA256 of a patient's id, its first 16 hex digits."""
  return hmac.digest(key, patient.encode(), 'sha256').hex()[:16]
