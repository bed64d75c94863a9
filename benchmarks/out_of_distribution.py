# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares scores that tell scans unlike those of a training.

    python -m benchmarks.out_of_distribution runs/demo --real=FOLDER

Each score is of the features or logits of one pass. Slices are cropped as scans
are. Class means and the like come from train, limits from val; slices of test
are what should be accepted. FOLDER is what BIT_COVID_REAL_DATA names.
"""

import argparse
from collections.abc import Callable, Sequence
import json
import pathlib
import sys

import ml_collections
import numpy as np
import pandas as pd
import scipy.special
from sklearn import metrics

from benchmarks import unfamiliar_images
from bit_covid.inference import detector
from bit_covid.inference import network as network_lib
from bit_covid.models import normalize
from bit_covid.training import fit_detector
import input_pipeline
from input_pipeline.scans import input_check
from input_pipeline.scans import scan

# Of features `[N, F]` and logits `[N, C]`, larger for stranger slices, `[N]`.
Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
# Slices of a scan, if nobody said which are of one patient.
_SCAN = 6
_NEIGHBOURS = 10


def scores(features: np.ndarray, label: np.ndarray) -> dict[str, Score]:
  """Returns scores that know the training slices; features `[N, F]` float64."""
  means, whitening = fit_detector.fit(features, label)
  overall = fit_detector.fit(features, np.zeros_like(label))
  known = _unit(features)

  def neighbours(found, logits):
    del logits
    squares = np.maximum(2 - 2 * _unit(found) @ known.T, 0)
    return np.sqrt(np.sort(squares, axis=1)[:, _NEIGHBOURS - 1])

  def euclidean(found, logits):
    del logits
    return detector.distances(found, means, np.eye(means.shape[1]))

  def mahalanobis(found, logits):
    del logits
    return detector.distances(found, means, whitening)

  def relative(found, logits):
    squares = mahalanobis(found, logits) ** 2
    return squares - detector.distances(found, *overall) ** 2

  return {
    'largest probability': lambda _, x: (
      1 - scipy.special.softmax(x, axis=1).max(axis=1)
    ),
    'energy': lambda _, x: -scipy.special.logsumexp(x, axis=1),
    'nearest class mean': euclidean,
    'tenth neighbour': neighbours,
    'Mahalanobis': mahalanobis,
    'relative Mahalanobis': relative,
  }


def _unit(features: np.ndarray) -> np.ndarray:
  return features / np.linalg.norm(features, axis=1, keepdims=True)


def _outputs(
  network: network_lib.Network, images: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
  """Returns features and logits of images, cropped as scans are, float64."""
  prepared = np.stack([network.prepare(x)[0] for x in images])
  floats = np.asarray(normalize.to_model_range(prepared))
  found = network.features(floats), network.logits(floats)
  return tuple(x.astype(np.float64) for x in found)


def _is_flagged(gray: np.ndarray) -> bool:
  found = input_check.check(scan.Pixels(gray))
  return found.problem is not None or not found.has_lungs


def compare(
  network: network_lib.Network,
  splits: dict[str, input_pipeline.Examples],
  others: dict[str, unfamiliar_images.Images],
  seed: int,
) -> pd.DataFrame:
  """Returns a row for each set of images and score."""
  grays = {
    name: [each.image(i).copy() for i in range(len(each))]
    for name, each in splits.items()
  }
  outputs = {name: _outputs(network, x) for name, x in grays.items()}
  test, patient = grays['test'], splits['test'].patient_id
  sets = {'test': (test, patient)}
  for name, images in unfamiliar_images.of_slices(test, seed).items():
    sets[name] = images, patient
  for name, images in others.items():
    sets[name] = images, np.arange(len(images)) // _SCAN
  found = scores(outputs['train'][0], splits['train'].label)
  val_patient = splits['val'].patient_id
  nothing = np.empty(0)  # Of a detector that only judges.
  detectors = {
    name: detector.Detector(
      *(nothing, nothing),
      *fit_detector.limits(score(*outputs['val']), val_patient),
      facts={},
    )
    for name, score in found.items()
  }
  rows = []
  for kind, (images, scan_id) in sets.items():
    flagged = np.mean(list(map(_is_flagged, images)))
    of_images = _outputs(network, images)
    for name, score in found.items():
      usual, strange = score(*outputs['test']), score(*of_images)
      is_strange = np.repeat([0, 1], [len(usual), len(strange)])
      area = metrics.roc_auc_score(is_strange, np.r_[usual, strange])
      judged = detectors[name].judge(strange, scan_id)
      shares = judged.is_warned.mean(), judged.is_refused.mean()
      rows.append([kind, len(images), flagged, name, area, *shares])
  columns = ['images', 'number', 'input_check', 'score', 'auc', 'warned']
  return pd.DataFrame(rows, columns=[*columns, 'refused'])


def _markdown(table: pd.DataFrame) -> str:
  """Returns the AUC and the shares with a warning and refused, a set a row."""
  names = list(table['score'].unique())
  lines = [
    '| images | input check | ' + ' | '.join(names) + ' |',
    '|---' * (len(names) + 2) + '|',
  ]
  for kind, part in table.groupby('images', sort=False):
    cells = [
      f'{x.auc:.3f}, {100 * x.warned:.0f}, {100 * x.refused:.0f} %'
      for x in part.itertuples()
    ]
    flagged = f'{100 * part["input_check"].iloc[0]:.0f} %'
    lines.append('| ' + ' | '.join([kind, flagged, *cells]) + ' |')
  return '\n'.join(lines)


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after printing the table."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('run', type=pathlib.Path)
  parser.add_argument('--data', default='', help='folder or CSV of its data')
  parser.add_argument('--data_dir', default='', help='of prepared data sets')
  parser.add_argument('--real', type=pathlib.Path, help='folder of real slices')
  parser.add_argument('--seed', type=int, default=0, help='of drawn images')
  parser.add_argument('--json', type=pathlib.Path, help='file for the numbers')
  arguments = parser.parse_args(argv)
  network = network_lib.Network.load(arguments.run)
  data = json.loads((arguments.run / 'config.json').read_text())['data']
  config = ml_collections.ConfigDict(
    data
    | {'path': arguments.data, 'data_dir': arguments.data_dir}
    | {'image_folder': '', 'range_16bit': tuple(data['range_16bit'])}
  )
  splits = {
    name: input_pipeline.load_split(config, name)
    for name in ('train', 'val', 'test')
  }
  side = splits['test'].image(0).shape[0]
  others = unfamiliar_images.drawn(side, arguments.seed)
  for name in ('textures/c', 'phantom/demo'):
    if name != config.name:
      others[name] = unfamiliar_images.of_builder(name, arguments.data_dir)
  if arguments.real:
    others |= unfamiliar_images.real(arguments.real)
  table = compare(network, splits, others, arguments.seed)
  print(_markdown(table))
  if arguments.json:
    arguments.json.write_text(table.to_json(orient='records', indent=2))
  return 0


if __name__ == '__main__':
  sys.exit(main())
