# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finding and downloading checkpoints, from a server on this machine."""

import hashlib

import pytest

from bit_covid.weights import download
from bit_covid.weights import find as find_lib
from bit_covid.weights import public_files
from tests import file_server

# A network of 12 classes under public names of our own, as the smallest public
# file has 94 MB.
CONTENT = find_lib.bundled()['Textures-S-tiny'].read_bytes()
FORMS = (('BiT-M-(tiny)', 12), ('vtab/BiT-M-(tiny)-run0-dtd', None))


@pytest.fixture
def server():
  with file_server.running(CONTENT) as server:
    yield server


@pytest.fixture
def find(server, tmp_path, monkeypatch):
  forms = (*public_files._FORMS, *FORMS)
  monkeypatch.setattr(public_files, '_FORMS', forms)
  monkeypatch.setattr(download, '_WAIT', 0)

  def find(name):
    return find_lib.find(
      name, cache_dir=tmp_path, base_url=f'{server.url}bit_models/'
    )

  return find


def test_path_is_taken_as_it_is(find, server, tmp_path):
  path = tmp_path / 'some.npz'
  path.write_bytes(b'x')
  assert find(str(path)) == path
  assert not server.requests


def test_download_once_with_a_recorded_digest(find, server, tmp_path):
  path = find('BiT-M-tiny')
  assert path == tmp_path / 'BiT-M-tiny.npz'
  assert path.read_bytes() == CONTENT
  record = (tmp_path / 'BiT-M-tiny.npz.sha256').read_text()
  assert record.split() == [
    hashlib.sha256(CONTENT).hexdigest(),
    'BiT-M-tiny.npz',
  ]
  assert find('BiT-M-tiny') == path
  assert server.requests == [('/bit_models/BiT-M-tiny.npz', None)]
  names = {file.name for file in tmp_path.iterdir()}
  assert names == {path.name, f'{path.name}.sha256', '.lock'}


def test_name_in_a_folder(find, tmp_path):
  path = find('vtab/BiT-M-tiny-run0-dtd')
  assert path == tmp_path / 'vtab/BiT-M-tiny-run0-dtd.npz'
  assert path.read_bytes() == CONTENT


def test_changed_file_in_the_cache_is_refused(find, tmp_path):
  path = find('BiT-M-tiny')
  path.write_bytes(CONTENT[:-1])
  with pytest.raises(ValueError, match=rf'{len(CONTENT) - 1} bytes.*Remove it'):
    find('BiT-M-tiny')


@pytest.mark.parametrize('record', [b'', b'\xff'])
def test_damaged_record_is_refused(find, tmp_path, record):
  path = find('BiT-M-tiny')
  path.with_name('BiT-M-tiny.npz.sha256').write_bytes(record)
  with pytest.raises(ValueError, match=r'was recorded when.*Remove it'):
    find('BiT-M-tiny')


def test_file_put_into_the_cache_by_hand(find, server, tmp_path):
  path = tmp_path / 'BiT-M-tiny.npz'
  path.write_bytes(CONTENT)
  assert find('BiT-M-tiny') == path
  assert not server.requests


def test_another_network_under_a_public_name_is_refused(find, server, tmp_path):
  (tmp_path / 'BiT-M-R50x1.npz').write_bytes(CONTENT)
  with pytest.raises(
    ValueError,
    match=r'BiT-M-R50x1.npz holds tiny with 12 classes, but BiT-M-R50x1 is '
    r'R50x1 with 21,843 classes\. Remove it to download http://',
  ):
    find('BiT-M-R50x1')
  assert not server.requests
  with pytest.raises(
    ConnectionError,
    match=r'what the server sent holds tiny with 12 classes, but BiT-S-R101x1 ',
  ):
    find('BiT-S-R101x1')
  assert not (tmp_path / 'BiT-S-R101x1.npz.sha256').exists()


def test_one_other_byte_is_found_without_an_md5(find, server, tmp_path):
  wrong = bytearray(CONTENT)
  wrong[len(wrong) // 2] ^= 1
  server.content, server.sends_md5 = bytes(wrong), False
  with pytest.raises(ConnectionError, match='the bytes that came are damaged'):
    find('BiT-M-tiny')
  assert [file.name for file in tmp_path.iterdir()] == ['.lock']
  server.content = CONTENT
  assert find('BiT-M-tiny').read_bytes() == CONTENT


def test_killed_between_the_record_and_the_file(find, server, tmp_path):
  path = tmp_path / 'BiT-M-tiny.npz'
  path.with_name('BiT-M-tiny.npz.sha256').write_text(f'{"0" * 64}  x\n')
  path.with_name('.BiT-M-tiny.npz.5d-41.part').write_bytes(CONTENT)
  assert find('BiT-M-tiny').read_bytes() == CONTENT
  assert find('BiT-M-tiny') == path


def test_failed_download_names_path_and_url_and_leaves_nothing(
  find, server, tmp_path
):
  server.answers = [file_server.status(404)]
  with pytest.raises(ConnectionError) as error:
    find('BiT-M-R101x1')
  expected = f'/bit_models/BiT-M-R101x1.npz to {tmp_path}/BiT-M-R101x1.npz: '
  assert expected in str(error.value)
  assert [file.name for file in tmp_path.iterdir()] == ['.lock']


def test_what_comes_with_the_package_is_found_without_a_download(find, server):
  assert find('Textures-M-tiny') == find_lib.bundled()['Textures-M-tiny']
  assert not server.requests


def test_unknown_names_list_what_comes_with_the_package(find):
  with pytest.raises(FileNotFoundError, match=r'Textures-M-tiny-C, .*-S-tiny'):
    find('Textures-L-tiny')


@pytest.mark.parametrize(
  'name',
  ['runs/none.npz', 'BiT-L-R50x1', '../BiT-M-R50x1', 'vtab/../../x', ''],
)
def test_neither_file_nor_public_name(find, server, name):
  with pytest.raises(FileNotFoundError, match=r"is no public name.*'BiT-M-R50"):
    find(name)
  assert not server.requests


def test_cache_folder_from_the_environment(find, monkeypatch, tmp_path):
  monkeypatch.setenv('BIT_COVID_CACHE', str(tmp_path))
  (tmp_path / 'BiT-M-tiny.npz').write_bytes(CONTENT)
  assert find_lib.find('BiT-M-tiny') == tmp_path / 'BiT-M-tiny.npz'


def test_a_name_is_checked_without_a_download(tmp_path):
  for name in ('BiT-M-R50x1', 'Textures-M-tiny'):
    find_lib.check_checkpoint(name)
  (tmp_path / 'a.npz').touch()
  find_lib.check_checkpoint(tmp_path / 'a.npz')
  with pytest.raises(FileNotFoundError, match=r'holds no model\.npz'):
    find_lib.check_checkpoint(tmp_path)
  (tmp_path / 'model.npz').touch()
  find_lib.check_checkpoint(tmp_path)
  with pytest.raises(FileNotFoundError, match='is no public name'):
    find_lib.check_checkpoint('BiT-M-R50x9')
