# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 9: of a network that is really there."""

import io

from etils import epath
import numpy as np
import pandas as pd
from PIL import Image
import pytest

from bit_covid.analysis import predictions
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import scales
from bit_covid.paper.items import figure9
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata
import input_pipeline

RUN = grid.Run('Bit-M')


def _encoded(image: np.ndarray) -> bytes:
  buffer = io.BytesIO()
  Image.fromarray(image).save(buffer, 'PNG')
  return buffer.getvalue()


@pytest.fixture
def examples(tmp_path, simulate, random_params):
  """The test split of a finished run, in another order than its predictions."""
  folder = simulate(RUN, 0.7, splits=('test',), patients=12)
  table = predictions.read(folder / 'predictions' / 'test.csv')
  table = table.sample(frac=1, random_state=0)
  count = len(table)
  images = np.random.default_rng(0).integers(0, 256, (count, 40, 50), np.uint8)
  bit_npz.save(
    epath.Path(folder) / 'model.npz',
    random_params('tiny'),
    model_name='tiny',
    metadata=metadata.Metadata(
      class_names=predictions.class_names(table),
      preprocessing={
        'box': 'annotated',
        'crop': 32,
        'antialias': False,
        'range_16bit': (0, 65_535),
      },
    ),
  )
  return input_pipeline.Examples(
    class_names=predictions.class_names(table),
    slice_id=table['slice_id'].to_numpy(str),
    patient_id=table['patient_id'].to_numpy(str),
    source=table['source'].to_numpy(str),
    label=table['label'].to_numpy(np.int32),
    # Of the size of the network's input: nothing is resized.
    box=np.tile(np.array([3, 5, 35, 37], np.int32), (count, 1)),
    digest=table['slice_id'].to_numpy(str),
    read=lambda i: _encoded(images[i]),
  ), images


def test_correct_slices_of_different_patients_as_the_network_sees_them(
  tmp_path, simulate, examples
):
  split, images = examples
  collect.collect(
    'figure9', tmp_path, scale=scales.SCALES['paper'], splits={'test': split}
  )
  shown = pd.read_csv(tmp_path / 'figure9.csv', keep_default_na=False)
  table = predictions.read(
    tmp_path / 'runs' / RUN.name / 'predictions' / 'test.csv'
  ).set_index('slice_id')
  assert shown['class'].tolist() == ['Normal'] * 3 + ['CP'] * 3 + ['NCP'] * 3
  for _, part in shown.groupby('class'):
    assert part['patient_id'].is_unique
  p = table.loc[shown['slice_id'], ['p_Normal', 'p_CP', 'p_NCP']].to_numpy()
  label = table.loc[shown['slice_id'], 'label'].to_numpy(int)
  np.testing.assert_array_equal(p.argmax(axis=1), label)
  np.testing.assert_allclose(shown['probability'], p.max(axis=1), rtol=1e-15)
  with Image.open(tmp_path / 'figure9.png') as picture:
    picture.load()
  slice_ids = shown['slice_id'].to_list()
  rows = [split.slice_id.tolist().index(name) for name in slice_ids]
  classifier_input = figure9._images(
    split,
    slice_ids,
    figure9.ml_collections.ConfigDict(
      {'box': 'annotated', 'crop': 32, 'antialias': False}
    ),
  )
  np.testing.assert_array_equal(
    classifier_input[..., 0], images[rows, 5:37, 3:35]
  )


def test_slices_of_other_data_are_refused(tmp_path, examples):
  split, _ = examples
  with pytest.raises(ValueError, match=r'9 slices that bit-m.*are not in'):
    collect.collect(
      'figure9',
      tmp_path,
      scale=scales.SCALES['paper'],
      splits={'test': split.take([])},
    )


def test_without_the_data_it_says_so(tmp_path, simulate):
  simulate(RUN, 0.9)
  collect.collect('figure9', tmp_path, scale=scales.SCALES['demo'])
  assert 'The test split was not at hand' in (
    tmp_path / 'figure9.md'
  ).read_text('utf-8')
