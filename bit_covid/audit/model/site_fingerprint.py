# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether the features of a network tell where a slice comes from.

A linear probe, a ridge regression on the mean features of each patient,
predicts the source, and the size and kind of the file, which scanners and
archives leave behind. It is cross-validated by patient and compared with itself
on values that were shuffled among the patients of a class: that classes go with
sources is another check.
"""

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import linear_model
from sklearn import preprocessing

from bit_covid.analysis import figures_images
from bit_covid.analysis import predictions
from bit_covid.audit import finding
from bit_covid.audit.model import subject as subject_lib
import input_pipeline

# Sources and kinds of files of fewer patients are left out.
_FEWEST = 10
_FOLDS = 5
# The largest AUC of all rows must exceed those of all shuffles, which happens
# by chance in 1 of 100 audits.
_SHUFFLES = 99


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns how well the features tell source and kind of file."""
  path = subject.workdir / 'predictions' / f'{subject.judged}_features.npz'
  if not path.exists():
    return finding.Finding(
      'NOT CHECKED', f'There is no {path}; evaluate again.'
    )
  if not predictions.knows_patients(subject.table):
    return finding.Finding(
      'NOT CHECKED', 'Nobody said which slices are of one patient.'
    )
  rows, examples = subject.sample(subject.judged), subject.examples
  features = pd.DataFrame(
    figures_images.read_features(path, subject.table, rows)
  )
  groups = {
    'patient': examples.patient_id[rows],
    'class': np.array(examples.class_names)[examples.label[rows]],
  }
  scores = {}
  for mark, value in {
    'the source': examples.source[rows],
    'size and kind of the file': _files(examples, rows),
  }.items():
    keys = pd.DataFrame(groups | {'value': value})
    means = features.groupby(list(keys.to_numpy().T)).mean()
    means.index.names = list(keys)
    for scope in ('all classes', *examples.class_names):
      part = (
        means
        if scope == 'all classes'
        else means[means.index.get_level_values('class') == scope]
      )
      found = _scores(part, seed=subject.seed)
      if found is not None:
        scores[mark, scope] = found
  if not scores:
    return finding.Finding(
      'NOT CHECKED',
      'No class has slices of two sources, or kinds of files, of '
      f'{_FEWEST} patients each.',
    )
  return _judge(scores)


def _judge(scores: dict[tuple[str, str], np.ndarray]) -> finding.Finding:
  """Returns the finding; the first score of each row is the real one."""
  rows = [
    {
      'What is told': mark,
      'Among': scope,
      'ROC AUC': f'{each[0]:.3f}',
      'Shuffled': f'{each[1:].mean():.3f}',
      '95 % below': f'{np.quantile(each[1:], 0.95):.3f}',
    }
    for (mark, scope), each in scores.items()
  ]
  table = pd.DataFrame(rows)
  # In units of the spread of its row, the largest of all rows can be compared.
  matrix = np.stack(list(scores.values()))
  matrix -= matrix.mean(axis=1, keepdims=True)
  matrix /= matrix.std(axis=1, keepdims=True)
  best = rows[int(matrix[:, 0].argmax())]
  text = (
    f'The features of the network tell {best["What is told"]} among '
    f'{best["Among"]} with an AUC of {best["ROC AUC"]}, where shuffled ones '
    f'give {best["Shuffled"]}'
  )
  real, *shuffled = matrix.max(axis=0)
  if real <= max(shuffled):
    return finding.Finding('NOTE', f'{text}, as may be chance.', table)
  return finding.Finding(
    'WARNING',
    f'{text}: the network can use it in place of the disease.',
    table,
    advice='Report the results of each source, and evaluate on a source that '
    'is not in the training.',
  )


def _files(examples: input_pipeline.Examples, rows: np.ndarray) -> list[str]:
  """Returns such as '512 x 512, 8-bit PNG' for some slices."""
  found = []
  for row in map(int, rows):
    height, width = examples.image(row).shape
    encoded = b'' if examples.preparation else examples.read(row)
    # This byte of a PNG holds the bits of a pixel.
    is_png = encoded.startswith(b'\x89PNG')
    kind = f', {encoded[24]}-bit PNG' if is_png else ''
    found.append(f'{width} x {height}{kind}')
  return found


def _scores(means: pd.DataFrame, *, seed: int) -> np.ndarray | None:
  """Returns the AUC of real, then of shuffled values, `[100]` float64.

  None if, of the values that enough patients have, each class has one.

  Args:
    means: features by patient, class and value.
    seed: of folds and shuffles.
  """
  value = means.index.get_level_values('value')
  counts = value.value_counts()
  means = means[value.isin(counts.index[counts >= _FEWEST])]
  patient, label, codes = (
    np.unique(means.index.get_level_values(name), return_inverse=True)[1]
    for name in means.index.names
  )
  kinds = len(np.unique(label + 1j * codes))
  if kinds == len(np.unique(label)):
    return None
  generator = np.random.default_rng(seed)
  shuffled = [
    codes,
    *(_shuffle(codes, label, generator) for _ in range(_SHUFFLES)),
  ]
  values = np.arange(codes.max() + 1)
  targets = np.stack(shuffled, axis=1)[..., np.newaxis] == values
  targets = targets.reshape(len(codes), -1).astype(np.float64)
  # The folds do not depend on the values: as good for shuffled ones.
  fold = (generator.permutation(patient.max() + 1) % _FOLDS)[patient]
  found = _predicted(means.to_numpy(np.float64), targets, fold)
  return _areas(found, targets).reshape(-1, len(values)).mean(axis=1)


def _shuffle(
  codes: np.ndarray, label: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
  """Returns the codes shuffled within each class, `[U]` int64."""
  result = codes.copy()
  for i in np.unique(label):
    result[label == i] = generator.permutation(codes[label == i])
  return result


def _predicted(
  features: np.ndarray, targets: np.ndarray, fold: np.ndarray
) -> np.ndarray:
  """Returns what probes that did not see a fold predict of it, `[U, T]`."""
  features = preprocessing.StandardScaler().fit_transform(features)
  result = np.zeros_like(targets)
  for number in np.unique(fold):
    is_test = fold == number
    # As strong as the noise of the features.
    probe = linear_model.Ridge(alpha=features.shape[1])
    probe.fit(features[~is_test], targets[~is_test])
    result[is_test] = probe.predict(features[is_test])
  return result


def _areas(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
  """Returns the area under the ROC curve of each column, `[T]`."""
  ones = targets.sum(axis=0)
  ranks = (stats.rankdata(scores, axis=0) * targets).sum(axis=0)
  return (ranks - ones * (ones + 1) / 2) / (ones * (len(targets) - ones))
