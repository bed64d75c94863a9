# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Archives from strangers, most of them hostile."""

import io
import os
import tracemalloc
import zipfile

import numpy as np
import pytest

from bit_covid.weights import npz_archive


def _npy(array, **kwargs):
  buffer = io.BytesIO()
  np.lib.format.write_array(buffer, np.asarray(array), **kwargs)
  return buffer.getvalue()


def _header(shape, descr='<f4'):
  """Returns the bytes of a header alone, which may say anything."""
  buffer = io.BytesIO()
  np.lib.format.write_array_header_1_0(
    buffer, {'descr': descr, 'fortran_order': False, 'shape': shape}
  )
  return buffer.getvalue()


def _write(path, members):
  with zipfile.ZipFile(path, 'w') as archive:
    for name, content in members:
      archive.writestr(name, content)
  return path


def test_reads_what_numpy_writes(tmp_path):
  path = tmp_path / 'a.npz'
  arrays = {
    'x/y': np.arange(6, dtype=np.float32).reshape(2, 3),
    'scalar': np.float32(4),
    'fortran': np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    'bytes': np.arange(5, dtype=np.uint8),
  }
  np.savez_compressed(path, **arrays)
  headers = npz_archive.read_headers(path)
  assert {key: header.shape for key, header in headers.items()} == {
    'x/y': (2, 3),
    'scalar': (),
    'fortran': (2, 3),
    'bytes': (5,),
  }
  read = npz_archive.read_arrays(path, headers)
  for key, array in read.items():
    np.testing.assert_array_equal(array, arrays[key])


def test_big_endian_numbers_come_in_the_order_of_the_machine(tmp_path):
  path = _write(
    tmp_path / 'a.npz', [('x.npy', _npy(np.arange(3, dtype='>f4')))]
  )
  headers = npz_archive.read_headers(path)
  x = npz_archive.read_arrays(path, headers)['x']
  assert x.dtype == np.dtype(np.float32)
  np.testing.assert_array_equal(x, [0, 1, 2])


def test_pickle_is_refused_and_not_run(tmp_path):
  class Bomb:
    def __reduce__(self):
      return (open, (str(tmp_path / 'ran'), 'w'))

  content = _npy(np.array([Bomb()], dtype=object), allow_pickle=True)
  path = _write(tmp_path / 'a.npz', [('x.npy', content)])
  with pytest.raises(ValueError, match=r"a\.npz: 'x\.npy' is a pickle"):
    npz_archive.read_headers(path)
  assert not (tmp_path / 'ran').exists()


def test_header_of_32_gib_is_refused(tmp_path):
  content = _header((65_536, 131_072))
  assert len(content) < 200
  path = _write(tmp_path / 'a.npz', [('x.npy', content)])
  with pytest.raises(ValueError, match=r'34359738368 bytes, but .* holds 0'):
    npz_archive.read_headers(path)


@pytest.mark.parametrize('shape', [(4,), (2,), (-1, 3), (2**62, 4)])
def test_shape_that_is_not_the_size_of_the_member_is_refused(tmp_path, shape):
  content = _header(shape) + np.zeros(3, np.float32).tobytes()
  path = _write(tmp_path / 'a.npz', [('x.npy', content)])
  with pytest.raises(ValueError, match=r"a\.npz: 'x\.npy' (declares|has no)"):
    npz_archive.read_headers(path)


@pytest.mark.parametrize('dtype', ['<f8', '<i8', '<U3', '|V4', '<M8[s]', '<c8'])
def test_other_dtypes_are_refused(tmp_path, dtype):
  path = _write(tmp_path / 'a.npz', [('x.npy', _npy(np.zeros(2, dtype)))])
  with pytest.raises(ValueError, match=r'has dtype .* expected one of float32'):
    npz_archive.read_headers(path)


@pytest.mark.parametrize(
  ('name', 'content', 'message'),
  [
    ('x.txt', b'hello', 'is not an .npy array'),
    ('x.npy', b'hello', 'has no valid .npy header'),
    ('x.npy', b'', 'has no valid .npy header'),
    ('x.npy', b'\x93NUMPY\x09\x00aaaa', 'has no valid .npy header'),
  ],
)
def test_members_that_are_no_arrays_are_refused(
  tmp_path, name, content, message
):
  path = _write(tmp_path / 'a.npz', [(name, content)])
  with pytest.raises(ValueError, match=message):
    npz_archive.read_headers(path)


@pytest.mark.filterwarnings('ignore:Duplicate name:UserWarning')
def test_member_twice_is_refused(tmp_path):
  content = _npy(np.zeros(2, np.float32))
  path = _write(tmp_path / 'a.npz', [('x.npy', content), ('x.npy', content)])
  with pytest.raises(ValueError, match="'x' is in the archive twice"):
    npz_archive.read_headers(path)


def test_truncated_file_is_refused_with_a_remedy(tmp_path):
  path = tmp_path / 'a.npz'
  np.savez(path, x=np.zeros(1000, np.float32))
  path.write_bytes(path.read_bytes()[:2000])
  with pytest.raises(ValueError, match=r'a\.npz: not a readable .*download'):
    npz_archive.read_headers(path)


def test_flipped_bit_is_found_by_the_checksum(tmp_path):
  path = tmp_path / 'a.npz'
  np.savez(path, x=np.zeros(1000, np.float32))
  content = bytearray(path.read_bytes())
  content[1000] ^= 1
  path.write_bytes(content)
  headers = npz_archive.read_headers(path)
  with pytest.raises(ValueError, match="'x' is damaged"):
    npz_archive.read_arrays(path, headers)


def test_missing_file(tmp_path):
  with pytest.raises(FileNotFoundError):
    npz_archive.read_headers(tmp_path / 'a.npz')


def test_damaged_headers_always_give_the_documented_error(tmp_path):
  content = io.BytesIO()
  np.savez_compressed(content, **{'x/y': np.zeros((2, 3), np.float32)})
  content = content.getvalue()
  generator = np.random.default_rng(0)
  path = tmp_path / 'a.npz'
  messages = []
  for _ in range(3000):
    damaged = np.frombuffer(content, np.uint8).copy()
    places = generator.integers(len(content), size=generator.integers(1, 4))
    damaged[places] ^= generator.integers(1, 256, len(places), np.uint8)
    path.write_bytes(damaged.tobytes())
    try:
      npz_archive.read_arrays(path, npz_archive.read_headers(path))
    except ValueError as error:
      messages.append(str(error))
  assert len(messages) > 1000
  assert all(message.startswith(f'{path}: ') for message in messages)


@pytest.mark.parametrize('name', ['tokenize', 'method', 'encrypted'])
def test_errors_of_other_libraries_become_the_documented_one(tmp_path, name):
  header = _header((3,)) + bytes(12)
  if name == 'tokenize':
    header = header.replace(b"'shape': (", b"'shape':((")
  path = _write(tmp_path / 'a.npz', [('x.npy', header)])
  content = bytearray(path.read_bytes())
  local, central = 0, content.index(b'PK\1\2')
  if name == 'method':
    content[local + 8] = content[central + 10] = 99
  if name == 'encrypted':
    content[local + 6] = content[central + 8] = 1
  path.write_bytes(content)
  message = 'is packed with another' if name == 'method' else 'has no valid'
  with pytest.raises(ValueError, match=rf"a\.npz: 'x\.npy' {message}"):
    npz_archive.read_headers(path)


def test_header_that_fills_the_memory_is_refused(tmp_path):
  header = _header((1,)).rstrip()
  content = b'\x93NUMPY\2\0' + (64 << 20).to_bytes(4, 'little') + header[10:]
  path = tmp_path / 'a.npz'
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('x.npy', content.ljust(64 << 20) + bytes(16))
  tracemalloc.start()
  try:
    with pytest.raises(ValueError, match='has no valid'):
      npz_archive.read_headers(path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
  finally:
    tracemalloc.stop()


@pytest.mark.parametrize('method', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_unpack_to_any_size_are_refused(tmp_path, method):
  path = tmp_path / 'a.npz'
  with zipfile.ZipFile(path, 'w', method) as archive:
    archive.writestr('x.npy', bytes(1 << 20))
  with pytest.raises(ValueError, match='NumPy only stores arrays'):
    npz_archive.read_headers(path)


@pytest.mark.parametrize('name', ['pipe', '/dev/zero', '/proc/kmsg', 'empty'])
def test_what_is_no_file_is_refused(tmp_path, name):
  path = tmp_path / 'a.npz'
  if name == 'pipe':
    os.mkfifo(path)
  elif name == 'empty':
    path.touch()
  else:
    path.symlink_to(name)
  with pytest.raises(ValueError, match=r'a\.npz: empty, or no file'):
    npz_archive.read_headers(path)
