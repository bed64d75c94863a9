# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What figures are made of."""

import io

import matplotlib as mpl
from matplotlib import colors
import numpy as np
from PIL import Image
import pytest

from bit_covid.analysis import calibration
from bit_covid.analysis import colours
from bit_covid.analysis import figures
from bit_covid.analysis import figures_curves
from bit_covid.analysis import figures_images
from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts


def _table(count=12):
  return predictions.make_table(
    slice_id=[f's{i}' for i in range(count)],
    patient_id=[f'p{i // 2}' for i in range(count)],
    source=['A'] * count,
    label=np.arange(count) % 2,
    probabilities=np.stack(
      [np.linspace(0.1, 0.9, count), np.linspace(0.9, 0.1, count)], axis=1
    ),
    class_names=('a', 'b'),
  )


def test_classes_are_told_apart_in_gray():
  gray = [
    np.dot(colors.to_rgb(x), (0.2126, 0.7152, 0.0722))
    for x in colours.CLASSES[:3]
  ]
  assert np.diff(sorted(gray)).min() > 0.1


def test_the_same_figure_is_the_same_file():
  matrix = np.array([[3, 1], [0, 0]])
  first, second = (
    figures.png(figures_curves.confusion_matrix(matrix, ('a', 'b')))
    for _ in range(2)
  )
  assert first == second


def test_confusion_matrix_has_counts_and_shares():
  figure = figures_curves.confusion_matrix(
    np.array([[3, 1], [0, 0]]), ('a', 'b')
  )
  texts = [text.get_text() for text in figure.axes[0].texts]
  # A class without slices has no shares.
  assert texts == ['75.0%\n3', '25.0%\n1', '0', '0']


# A letter that no font has, and one that the default font lacks and STIX has.
NO_FONT, OTHER_FONT = '\U0003fffd', '\u1d84'


@pytest.fixture
def families():
  before = mpl.rcParams['font.family']
  figures._can_draw.cache_clear()
  yield
  mpl.rcParams['font.family'] = before
  figures._can_draw.cache_clear()


@pytest.mark.filterwarnings('error')
def test_names_are_drawn_in_letters_of_installed_fonts(families):
  names = ['Pneumonía', f'a{NO_FONT}', OTHER_FONT, '_x', '$a^$']
  shown = figures.drawn(names)
  assert shown == ['Pneumonía', 'class 2', OTHER_FONT, ' _x', r'\$a^\$']
  assert 'STIXGeneral' in mpl.rcParams['font.family']
  note = figures.names_not_drawn(names)
  assert note.endswith(f'letters: class 2 is a{NO_FONT}.')
  assert not figures.names_not_drawn(names[:1])
  figures.png(figures_curves.confusion_matrix(np.eye(5), names))
  figures.png(
    figures_images.scatter(np.eye(5)[:, :2], names, names, kind='source')
  )


def test_right_to_left_needs_a_matplotlib_that_can(families, monkeypatch):
  monkeypatch.setattr(mpl, '__version_info__', (3, 10))
  assert figures.drawn(['\u0637', 'a']) == ['class 1', 'a']


def test_split_counts_are_those_of_the_tables():
  figure = figures.split_counts(
    split_counts.of_tables({'val': _table(4), 'test': _table()})
  )
  heights = [[bar.get_height() for bar in x.patches] for x in figure.axes]
  assert heights == [[2, 6, 2, 6], [2, 6, 2, 6]]


def test_reliability_skips_empty_bins():
  curve = calibration.reliability(_table())
  figure = figures_curves.reliability({'x': curve})
  points = figure.axes[0].lines[1].get_ydata()
  assert len(points) == (curve.count > 0).sum()
  assert np.isfinite(points).all()


def test_training_curves_have_a_panel_for_what_was_measured():
  rows = [{'step': 1, 'train_loss': 1.0}, {'step': 2, 'train_loss': 0.5}]
  assert len(figures_curves.training(rows).axes) == 1
  rows.append({'step': 2, 'val_accuracy': 0.5, 'val_loss': 0.9})
  panels = figures_curves.training(rows).axes
  assert [line.get_label() for line in panels[0].lines] == ['train', 'val']
  assert [line.get_label() for line in panels[1].lines] == ['val']


def test_accuracies_that_are_close_have_ticks_that_differ():
  rows = [
    {'step': i, 'val_accuracy': x, 'val_loss': 0.1}
    for i, x in enumerate((0.9667, 0.9694, 0.9722))
  ]
  figure = figures_curves.training(rows)
  figure.draw_without_rendering()
  labels = [x.get_text() for x in figure.axes[-1].get_yticklabels()]
  assert len(labels) == len(set(labels)) > 2


def test_confident_errors_are_one_a_patient():
  errors = figures.confident_errors(_table(), 4)
  assert errors['patient_id'].is_unique
  assert errors['confidence'].is_monotonic_decreasing
  assert (errors['truth'] != errors['predicted']).all()
  assert errors['slice_id'].iloc[0] == 's0'


def test_sample_is_all_or_a_seeded_part():
  assert figures_images.sample(3000, seed=0).tolist() == list(range(3000))
  part = figures_images.sample(25_658, seed=0)
  assert len(np.unique(part)) == figures_images.TSNE_SLICES
  np.testing.assert_array_equal(part, figures_images.sample(25_658, seed=0))
  assert (part != figures_images.sample(25_658, seed=1)).any()


def test_embedding_keeps_groups_together():
  generator = np.random.default_rng(0)
  group = np.repeat([0, 1], 30)
  features = generator.normal(size=(60, 100)) + 8 * group[:, np.newaxis]
  points = figures_images.embed(features.astype(np.float32), seed=0)
  centres = np.stack([points[group == i].mean(axis=0) for i in (0, 1)])
  distance = np.linalg.norm(points[:, np.newaxis] - centres, axis=2)
  np.testing.assert_array_equal(distance.argmin(axis=1), group)


@pytest.mark.parametrize('features', [np.eye(4), np.ones((9, 3))])
def test_too_few_slices_cannot_be_embedded(features):
  with pytest.raises(figures_images.TooFewError, match='at least 5'):
    figures_images.embed(features, seed=0)


def test_images_outside_the_folder_are_not_read(tmp_path):
  (tmp_path / 'in').mkdir()
  Image.new('L', (3, 2), 7).save(tmp_path / 'in' / 'a.png')
  Image.new('L', (3, 2), 7).save(tmp_path / 'b.png')
  read = figures_images.folder_images(tmp_path / 'in')
  np.testing.assert_array_equal(read('a.png'), np.full((2, 3), 7))
  assert read('../b.png') is None
  assert read('c.png') is None


def test_a_notebook_shows_a_figure_in_few_bytes():
  noise = np.random.default_rng(0).integers(0, 256, (200, 200))
  figure = figures.new(4.0)
  figure.subplots().imshow(noise, cmap='gray')
  shown = figure._repr_png_()
  with Image.open(io.BytesIO(shown)) as picture:
    assert picture.format == 'PNG'
    assert picture.size == (480, 400)
  assert len(shown) < len(figures.png(figure)) / 3
