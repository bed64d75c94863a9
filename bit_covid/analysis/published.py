# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Published results on the test split of COVIDx CT-2A, as printed.

Zhao, W., Jiang, W. & Qiu, X. Deep learning for COVID-19 detection based on CT
images. Scientific Reports (2021): Tables 1, 2 and 3. The rows of COVID-Net CT
are as that paper prints them; the confusion matrices are those of the COVID-Net
CT-2 repository (haydengunraj/COVIDNet-CT), from which the same rows follow.
"""

from typing import NamedTuple

DATASET = 'covidx_ct/2a'
SPLIT = 'test'
SLICES = 25_658
CLASS_NAMES = ('Normal', 'CP', 'NCP')
PAPER = 'Zhao, Jiang & Qiu, Scientific Reports 2021'
REPOSITORY = 'github.com/haydengunraj/COVIDNet-CT'


class Row(NamedTuple):
  """A row of Tables 1 and 2: percent, the classes as in `CLASS_NAMES`."""

  model: str
  accuracy: float
  sensitivity: tuple[float, float, float]
  ppv: tuple[float, float, float]
  specificity: tuple[float, float, float]
  npv: tuple[float, float, float]
  source: str = f'{PAPER}, Tables 1 and 2'


class Initialisation(NamedTuple):
  """A row of Table 3: accuracies in percent, of a second run of each."""

  model: str
  val: float
  test: float
  source: str = f'{PAPER}, Table 3'


class Confusion(NamedTuple):
  """A confusion matrix, truth in rows."""

  model: str
  counts: tuple[tuple[int, int, int], ...]
  source: str = REPOSITORY


# Accuracy, then sensitivity, PPV, specificity and NPV of the three classes.
_TABLES_1_AND_2 = {
  'COVID-Net CT-1': (
    '94.5 | 98.8 99.0 80.2 | 96.1 90.2 97.6 | 96.3 95.7 99.4 | 98.9 99.6 94.2'
  ),
  'COVID-Net CT-2 L': (
    '98.1 | 99.0 98.2 96.2 | 99.4 97.2 96.7 | 99.5 98.8 99.0 | 99.1 99.3 98.8'
  ),
  'COVID-Net CT-2 S': (
    '97.9 | 98.9 98.1 95.7 | 99.3 97.0 96.4 | 99.3 98.8 98.9 | 99.0 99.2 98.7'
  ),
  'Random': (
    '97.9 | 97.9 98.6 96.9 | 98.9 97.5 96.4 | 99.0 99.0 98.9 | 98.1 99.4 99.1'
  ),
  'Bit-S': (
    '98.8 | 99.0 99.3 97.9 | 99.6 97.9 98.4 | 99.6 99.1 99.5 | 99.1 99.7 99.4'
  ),
  'Bit-M': (
    '99.2 | 99.3 99.6 98.7 | 99.8 98.9 98.5 | 99.8 99.6 99.5 | 99.3 99.8 99.6'
  ),
}


def _row(model: str, printed: str) -> Row:
  accuracy, *by_class = printed.split('|')
  return Row(
    model,
    float(accuracy),
    *(tuple(map(float, values.split())) for values in by_class),
  )


ROWS = tuple(_row(*item) for item in _TABLES_1_AND_2.items())

INITIALISATIONS = (
  Initialisation('Random', val=96.5, test=97.7),
  Initialisation('Bit-S', val=97.4, test=98.8),
  Initialisation('Bit-M', val=97.9, test=99.3),
  Initialisation('Bit-M-C', val=97.7, test=99.2),
  Initialisation('Bit-M-S', val=97.6, test=98.9),
)

CONFUSIONS = (
  Confusion(
    'COVID-Net CT-2 L', ((12_128, 5, 112), (45, 7262, 88), (23, 208, 5787))
  ),
  Confusion(
    'COVID-Net CT-2 S', ((12_109, 5, 131), (52, 7256, 87), (39, 220, 5759))
  ),
)
