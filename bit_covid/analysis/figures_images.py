# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figures of features (t-SNE) and of slices (the most confident errors)."""

from collections.abc import Callable, Sequence
import math
import os
import pathlib
import zipfile

from etils import epath
from matplotlib import figure as mpl_figure
import numpy as np
import pandas as pd
from PIL import Image
from sklearn import decomposition
from sklearn import manifold
import threadpoolctl

from bit_covid.analysis import figures
from bit_covid.analysis import predictions

# Returns the image of a slice_id, `[H, W]` uint8, or None if it has none.
ImageFn = Callable[[str], np.ndarray | None]

TSNE_SLICES = 3000
_COMPONENTS = 50
_PERPLEXITY = 30
_STEPS = 500
_COLUMNS = 2


class TooFewError(ValueError):
  """There are too few slices for a figure, or all features are equal."""


def read_features(
  path: str | os.PathLike[str], table: pd.DataFrame, rows: np.ndarray
) -> np.ndarray:
  """Returns the features of some rows of a table, `[n, F]` float32.

  Raises:
    ValueError: the file is damaged, or of other slices than the table.
  """
  try:
    with epath.Path(path).open('rb') as f, np.load(f) as file:
      slice_id, features = file['slice_id'], file['features']
  except (zipfile.BadZipFile, EOFError, KeyError, ValueError) as error:
    raise ValueError(
      f'{path} holds no slice_id and features that can be read: {error}. '
      'Evaluate again, or remove the file.'
    ) from error
  if not np.array_equal(slice_id, table['slice_id'].to_numpy(str)):
    raise ValueError(
      f'{path} holds the features of {len(slice_id)} slices that are not the '
      f'{len(table)} of the predictions beside it, in their order. Evaluate '
      'again, or remove the file.'
    )
  return features[rows].astype(np.float32)


def sample(count: int, *, seed: int) -> np.ndarray:
  """Returns the sorted indices `[n]` of the slices for t-SNE, of `count`."""
  if count <= TSNE_SLICES:
    return np.arange(count)
  generator = np.random.default_rng(seed)
  return np.sort(generator.choice(count, TSNE_SLICES, replace=False))


def embed(features: np.ndarray, *, seed: int) -> np.ndarray:
  """Returns t-SNE of the first 50 principal components of n vectors, `[n, 2]`.

  Raises:
    TooFewError: there are fewer than 5 vectors, or all are equal.
  """
  if len(features) < 5 or np.ptp(features, axis=0).max() == 0:
    raise TooFewError(
      f'There are {len(features)} slices; t-SNE takes at least 5 that are not '
      'all alike.'
    )
  # The units of work are so small that more threads make it slower.
  with threadpoolctl.threadpool_limits(1):
    components = min(_COMPONENTS, *features.shape)
    features = decomposition.PCA(
      components, random_state=seed, svd_solver='randomized'
    ).fit_transform(features)
    return manifold.TSNE(
      init='pca' if components > 1 else 'random',
      perplexity=min(_PERPLEXITY, (len(features) - 1) / 3),
      max_iter=_STEPS,
      random_state=seed,
    ).fit_transform(features)


def scatter(
  points: np.ndarray,
  names: Sequence[str],
  order: Sequence[str],
  *,
  kind: str = 'class',
  colour: Callable[[int], str] = figures.colour,
) -> mpl_figure.Figure:
  """Returns one point for each slice; `colour` gives that of `order[i]`.

  The kind is what the names are of.
  """
  figure = figures.new(4.9)
  axes = figure.subplots()
  names, labels = np.asarray(names), figures.drawn(order, kind)
  # Drawn in turns, so that no class covers all others.
  size = np.clip(4000 / len(points), 3, 30)
  for turn in range(8):
    for i, name in enumerate(order):
      chosen = np.flatnonzero(names == name)[turn::8]
      axes.scatter(
        *points[chosen].T,
        s=size,
        color=colour(i),
        marker=figures.marker(i),
        linewidths=0,
        alpha=0.75,
        label=None if turn else labels[i],
      )
  axes.set(xticks=[], yticks=[])
  axes.set_aspect('equal', 'datalim')
  legend = figure.legend(
    loc='outside lower center', ncols=min(len(order), 3), frameon=False
  )
  for handle in legend.legend_handles:
    handle.set_sizes([40])
    handle.set_alpha(1)
  return figure


def folder_images(folder: str | os.PathLike[str]) -> ImageFn:
  """Returns a function that reads the image of a slice_id from a folder.

  Raises:
    NotADirectoryError: the folder does not exist.
  """
  root = pathlib.Path(folder).resolve()
  if not root.is_dir():
    raise NotADirectoryError(
      f'The folder {folder} does not exist; expected one with the slices under '
      'their slice_id.'
    )

  def read(slice_id: str) -> np.ndarray | None:
    path = (root / slice_id).resolve()
    # A slice_id in a table from elsewhere could be '../..'.
    if not path.is_relative_to(root) or not path.is_file():
      return None
    with Image.open(path) as image:
      return np.asarray(image.convert('L'))

  return read


def gallery(errors: pd.DataFrame, images: ImageFn) -> mpl_figure.Figure:
  """Returns the slices of `figures.confident_errors` with both classes.

  Raises:
    FileNotFoundError: one of them has no image.
  """
  names = predictions.class_names(errors)
  shown = dict(zip(names, figures.drawn(names), strict=True))
  rows = math.ceil(len(errors) / _COLUMNS)
  figure = figures.new(2.85 * rows)
  panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
  for axes in panels:
    axes.set_axis_off()
  for i, error in enumerate(errors.itertuples()):
    image = images(error.slice_id)
    if image is None:
      raise FileNotFoundError(f'There is no image of {error.slice_id!r}.')
    panels[i].imshow(image, cmap='gray', vmin=0, vmax=255)
    truth, predicted = shown[error.truth], shown[error.predicted]
    title = f'{i + 1}. {truth}, called\n{predicted}'
    panels[i].set_title(f'{title} ({error.confidence:.1%})', fontsize=10)
  return figure
