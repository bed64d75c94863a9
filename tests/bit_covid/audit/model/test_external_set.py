# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Other data sets, judged as the run's own data are."""

import numpy as np
from PIL import Image
import pytest

from bit_covid.analysis import predictions
from bit_covid.audit.model import external_set
from bit_covid.inference import network as network_lib

_ALL = {'data_dir': '', 'max_images': 0, 'seed': 0}


@pytest.fixture
def folder(tmp_path):
  """Seven images in folders of two classes."""
  generator = np.random.default_rng(0)
  for i in range(7):
    path = tmp_path / 'other' / ('COVID' if i < 4 else 'non-COVID') / f'{i}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = generator.integers(0, 256, [40 + i, 48], np.uint8)
    Image.fromarray(pixels).save(path)
  return tmp_path / 'other'


@pytest.fixture(scope='module', params=['annotated', 'none'])
def network(request, tmp_path_factory, small_network, save_checkpoint):
  folder = tmp_path_factory.mktemp('run')
  return network_lib.Network.load(save_checkpoint(folder, box=request.param))


def test_probabilities_are_the_sums_of_what_the_network_gives(network, folder):
  found = external_set.load([str(folder)], network, chosen={}, **_ALL)
  table = found['other'].predictions(network)
  assert predictions.class_names(table) == ('Normal or CP', 'NCP')
  paths = sorted(folder.glob('*/*.png'))
  assert table['slice_id'].tolist() == [
    str(path.relative_to(folder)) for path in paths
  ]
  assert table['label'].tolist() == [1] * 4 + [0] * 3
  # As `prepare` does it for scans, which have no annotated boxes.
  prepared = [network.prepare(np.array(Image.open(x)))[0] for x in paths]
  each = network.probabilities(np.stack(prepared))
  expected = np.stack([each[:, 0] + each[:, 1], each[:, 2]], axis=1)
  np.testing.assert_allclose(
    predictions.probabilities(table), expected, atol=1e-4
  )


def test_slices_are_drawn_and_classes_left_out(network, folder):
  arguments = {'chosen': {'COVID': {'CP', 'NCP'}}, 'data_dir': '', 'seed': 0}
  arguments['chosen']['non-COVID'] = {'Normal'}
  found = external_set.load([str(folder)], network, max_images=3, **arguments)[
    'other'
  ]
  assert len(found.examples) == 3
  assert found.total == 7
  assert found.mapping.names == ('Normal', 'CP or NCP')


def test_names_are_short_where_they_differ(network, folder):
  (folder / 'images.csv').write_text('path,label,split\nCOVID/0.png,NCP,a')
  names = [str(folder), str(folder / 'images.csv'), f'{folder}/']
  found = external_set.load(names, network, chosen={}, **_ALL)
  assert list(found) == ['other', 'other/images.csv', f'{folder}/']


def test_a_data_set_that_does_not_fit_is_refused(network, folder):
  with pytest.raises(ValueError, match='--map names Flu; the classes'):
    external_set.load([str(folder)], network, chosen={'Flu': set()}, **_ALL)
  with pytest.raises(ValueError, match="no dataset 'nowhere'"):
    external_set.load(['nowhere'], network, chosen={}, **_ALL)
  (folder / 'COVID').rename(folder / 'Flu')
  with pytest.raises(ValueError, match='include Flu; the network tells'):
    external_set.load([str(folder)], network, chosen={}, **_ALL)
