# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finding and downloading checkpoints, from a server on this machine."""

import gc
import hashlib
import http.server
import threading

import pytest

from bit_covid.weights import find as find_lib

CONTENT = bytes(range(256)) * 4000


class _Handler(http.server.BaseHTTPRequestHandler):
  """Serves two files, one of them cut short."""

  def do_GET(self):
    self.server.requests.append(self.path)
    if 'BiT-M-R50x1.npz' in self.path or 'vtab/' in self.path:
      body = CONTENT
    elif 'BiT-S-R50x1.npz' in self.path:
      body = CONTENT[:1000]
    else:
      self.send_error(404)
      return
    self.send_response(200)
    self.send_header('Content-Length', str(len(CONTENT)))
    self.end_headers()
    self.wfile.write(body)

  def log_message(self, *args):
    pass


@pytest.fixture
def server():
  with http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Handler) as server:
    server.requests = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def find(server, tmp_path):
  def find(name):
    return find_lib.find(
      name,
      cache_dir=tmp_path,
      base_url=f'http://127.0.0.1:{server.server_port}/bit_models/',
    )

  return find


def test_path_is_taken_as_it_is(find, server, tmp_path):
  path = tmp_path / 'some.npz'
  path.write_bytes(b'x')
  assert find(str(path)) == path
  assert not server.requests


def test_download_once_with_a_recorded_digest(find, server, tmp_path):
  path = find('BiT-M-R50x1')
  assert path == tmp_path / 'BiT-M-R50x1.npz'
  assert path.read_bytes() == CONTENT
  record = (tmp_path / 'BiT-M-R50x1.npz.sha256').read_text()
  assert record.split() == [
    hashlib.sha256(CONTENT).hexdigest(),
    'BiT-M-R50x1.npz',
  ]
  assert find('BiT-M-R50x1') == path
  assert server.requests == ['/bit_models/BiT-M-R50x1.npz']
  assert len(list(tmp_path.iterdir())) == 2  # No temporary file is left.


def test_name_in_a_folder(find, tmp_path):
  path = find('vtab/BiT-M-R50x1-run0-patch_camelyon')
  assert path == tmp_path / 'vtab/BiT-M-R50x1-run0-patch_camelyon.npz'
  assert path.read_bytes() == CONTENT


def test_changed_file_in_the_cache_is_refused(find, tmp_path):
  path = find('BiT-M-R50x1')
  path.write_bytes(CONTENT[:-1])
  with pytest.raises(ValueError, match=r'1023999 bytes.*Remove it'):
    find('BiT-M-R50x1')


def test_file_put_into_the_cache_by_hand(find, server, tmp_path):
  path = tmp_path / 'BiT-M-R50x1.npz'
  path.write_bytes(b'from elsewhere')
  assert find('BiT-M-R50x1') == path
  assert not server.requests


# requests closes the connection that failed when it is collected.
@pytest.mark.filterwarnings('ignore::ResourceWarning')
@pytest.mark.parametrize('name', ['BiT-S-R50x1', 'BiT-M-R101x1'])
def test_failed_download_names_path_and_url_and_leaves_nothing(
  find, tmp_path, name
):
  with pytest.raises(ConnectionError) as error:
    find(name)
  assert f'/bit_models/{name}.npz to {tmp_path}/{name}.npz' in str(error.value)
  assert not list(tmp_path.iterdir())
  del error
  gc.collect()


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


@pytest.mark.parametrize(
  'name',
  [
    *(
      f'BiT-{data}-R{size}'
      for data in 'SM'
      for size in ('50x1', '50x3', '101x1', '101x3', '152x2', '152x4')
    ),
    'BiT-M-R152x4-ILSVRC2012',
    'BiT-M-R50x1-CIFAR10',
    'vtab/BiT-M-R101x3-run2-diabetic_retinopathy',
    'distill/R50x1_224',
    'distill/R152x2_T_384',
  ],
)
def test_public_names(name):
  assert find_lib.is_public_name(name)


def test_cache_folder_from_the_environment(monkeypatch, tmp_path):
  monkeypatch.setenv('BIT_COVID_CACHE', str(tmp_path))
  (tmp_path / 'BiT-M-R50x1.npz').write_bytes(b'x')
  assert find_lib.find('BiT-M-R50x1') == tmp_path / 'BiT-M-R50x1.npz'
