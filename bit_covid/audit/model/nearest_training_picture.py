# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How often the most similar training slice has the class of a judged slice.

It needs no network and knows nothing of the disease. A network that is right no
more often has shown little.
"""

import numpy as np

from bit_covid.analysis import figures
from bit_covid.analysis import paired
from bit_covid.analysis import patient_counts
from bit_covid.audit import finding
from bit_covid.audit import nearest_picture
from bit_covid.audit.model import results
from bit_covid.audit.model import subject as subject_lib
import input_pipeline

_PAIRS = 4


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the accuracy of the most similar training slice."""
  judged, train = subject.examples, subject.splits[subject_lib.TRAIN]
  rows, train_rows = map(subject.sample, (subject.judged, subject_lib.TRAIN))
  nearest, correlation = nearest_picture.nearest(
    _vectors(judged, rows), _vectors(train, train_rows)
  )
  nearest = train_rows[nearest]
  network = subject.table.iloc[rows]
  picture = results.predicted(
    network, np.eye(len(judged.class_names))[train.label[nearest]]
  )
  tables = {'the most similar training slice': picture, 'the network': network}
  counts = [patient_counts.make(x, with_areas=False) for x in tables.values()]
  gain = paired.differences(counts[:1], counts[1:])['accuracy']
  points = [f'{100 * float(x):+.1f}' for x in gain]
  text = (
    f'The class of the most similar of {len(train_rows):,} training slices is '
    f'right for {results.text(results.accuracy(picture))} of {len(rows):,} '
    f'slices, the network for {results.text(results.accuracy(network))}: '
    f'{points[0]} points ({points[1]} to {points[2]}).'
  )
  order = np.argsort(-correlation, kind='stable')
  patient = judged.patient_id[rows[order]]
  # The most similar pairs, one a patient.
  first = np.sort(np.unique(patient, return_index=True)[1])
  pairs = order[first][:_PAIRS]
  is_better = gain.low > 0
  return finding.Finding(
    'NOTE' if is_better else 'WARNING',
    text if is_better else f'{text} Nothing shows that the network is better.',
    results.compare(tables, 'What tells the class'),
    advice=''
    if is_better
    else 'Divide the slices by patient, or by appearance if patients are not '
    'known, and train again.',
    picture=_draw(subject, rows[pairs], nearest[pairs], correlation[pairs]),
  )


def _vectors(examples: input_pipeline.Examples, rows: np.ndarray) -> np.ndarray:
  """Returns what `nearest_picture` compares of slices, `[n, 2304]` float32."""
  return np.stack(
    [nearest_picture.vector(examples.image(int(i))) for i in rows]
  )


def _draw(
  subject: subject_lib.Subject,
  rows: np.ndarray,
  nearest: np.ndarray,
  correlation: np.ndarray,
) -> bytes:
  """Returns slices above the training slices most similar to them."""
  judged, train = subject.examples, subject.splits[subject_lib.TRAIN]
  names = figures.drawn(judged.class_names)
  titles = [
    f'{names[judged.label[i]]}\nabove {names[train.label[k]]}\n'
    f'correlation {value:.3f}'
    for i, k, value in zip(rows, nearest, correlation, strict=True)
  ]
  above = [judged.image(int(i)) for i in rows]
  below = [train.image(int(i)) for i in nearest]
  return results.picture({subject.judged: above, 'training': below}, titles)
