# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures how often the 95 % intervals of a report cover the truth.

    python -m benchmarks.interval_coverage --simulations=2000

Patients are drawn from populations whose true values are known. Each row has
the coverage and the mean width, in percent, of the intervals of today and, for
shares of slices, of the bootstrap over patients that reports had before. The
standard error of a coverage near 95 % is 0.5 points with 2,000 simulations.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
import functools

import numpy as np
import scipy.special

from benchmarks import interval_simulations as simulations
from bit_covid.analysis import derived_intervals
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import metrics
from bit_covid.analysis import paired
from bit_covid.analysis import patient_counts
from bit_covid.analysis import proportion_interval

_RESAMPLES = 500
# From hits and slices `[S, P]` and strata `[P]` to bounds `[S]`.
Method = Callable[
  [np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]
]


def cells() -> dict[str, Callable[..., simulations.Draw]]:
  """Returns a function from generator and number to splits, by name."""
  partial = functools.partial
  found = {}
  for count in (20, 60, 400):
    for accuracy, correlation in ((0.9, 0.2), (0.99, 0.2), (0.99, 0.5)):
      found[f'{count} patients, {accuracy}, ICC {correlation}'] = partial(
        simulations.patients,
        count=count,
        accuracy=accuracy,
        correlation=correlation,
      )
  for count in (60, 400):
    found[f'{count} patients, 0.99, ICC 0.9'] = partial(
      simulations.patients, count=count, accuracy=0.99, correlation=0.9
    )
  for count in (20, 60):
    found[f'{count} patients, 0.99, one slice each'] = partial(
      simulations.patients, count=count, accuracy=0.99, correlation=0, slices=1
    )
  for accuracy in ((0.98, 0.97, 0.96), (0.993, 0.996, 0.987)):
    found[f'COVIDx-like, {" / ".join(map(str, accuracy))}'] = partial(
      simulations.covidx_like, accuracy=accuracy
    )
  for count in (60, 400):
    for verb, slope in (('rises', 0.06), ('falls', -0.06)):
      found[f'{count} patients, accuracy {verb} with scan size'] = partial(
        simulations.accuracy_by_size, count=count, slope=slope
      )
    found[f'{count} patients, 2 % of them hard'] = partial(
      simulations.rare_hard, count=count
    )
  for count in (2, 3, 5, 10):
    found[f'one class of {count} patients, 0.9'] = partial(
      simulations.patients,
      count=count,
      accuracy=0.9,
      correlation=0.2,
      classes=1,
    )
  for accuracy in (0.97, 0.99, 0.997):
    found[f'90 patients of 6 slices, {accuracy}'] = partial(
      simulations.patients,
      count=90,
      accuracy=accuracy,
      correlation=0.2,
      slices=6,
    )
  return found


def today(
  hits: np.ndarray, slices: np.ndarray, stratum: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the bounds of `proportion_interval`."""
  found = proportion_interval.interval(hits, slices, stratum)
  return found.low, found.high


def bootstrap(
  hits: np.ndarray, slices: np.ndarray, stratum: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the bounds that reports had before, NaN where they had none.

  They are percentiles over patients drawn with replacement within each class,
  taken further out for few patients (Hesterberg, 2015).
  """
  generator = np.random.default_rng(0)
  drawn = np.empty((_RESAMPLES, len(stratum)), int)
  for i in np.unique(stratum):
    member = np.flatnonzero(stratum == i)
    drawn[:, member] = generator.choice(member, (_RESAMPLES, len(member)))
  times = np.stack([np.bincount(x, minlength=len(stratum)) for x in drawn])
  shares = (hits @ times.T) / (slices @ times.T)
  effective = slices.sum(axis=1) ** 2 / (slices**2).sum(axis=1)
  t = scipy.special.stdtrit(effective - 1, 0.975)
  tail = scipy.special.ndtr(-t * np.sqrt(effective / (effective - 1)))
  low, high = np.transpose(
    [np.quantile(x, [p, 1 - p]) for x, p in zip(shares, tail, strict=True)]
  )
  is_flat = np.ptp(shares, axis=1) < 1e-12
  return np.where(is_flat, np.nan, low), np.where(is_flat, np.nan, high)


def coverage(draw: simulations.Draw, method: Method) -> tuple[float, float]:
  """Returns the share of intervals with the truth, and their mean width."""
  low, high = method(draw.hits, draw.slices, draw.stratum)
  covers = (low <= draw.truth) & (draw.truth <= high)
  width = np.nanmean(high - low) if np.isfinite(low).any() else np.nan
  return float(covers.mean()), float(width)


def of_measures(
  generator: np.random.Generator, number: int, **population: object
) -> dict[str, tuple[float, float]]:
  """Returns coverage and mean width of the measures of the first class."""
  rows = {}
  for _ in range(number):
    counts, true = simulations.confusions(generator, **population)
    values = metrics.from_confusion(counts.sum(axis=0))
    found = intervals.of_counts(patient_counts.PatientCounts(values, counts))
    truth = metrics.from_confusion(true)
    rates = [
      interval_lib.Interval(*(x[0] for x in found[name]))
      for name in ('sensitivity', 'specificity')
    ]
    found['ppv at 1 %'], _ = derived_intervals.predictive_values(*rates, 0.01)
    truth['ppv at 1 %'], _ = metrics.at_prevalence(
      truth['sensitivity'][0], truth['specificity'][0], 0.01
    )
    for name, interval in found.items():
      value, low, high = (np.ravel(x)[0] for x in (truth[name], *interval[1:]))
      if not np.isnan(low):
        rows.setdefault(name, []).append((low <= value <= high, high - low))
  return {name: tuple(np.mean(each, axis=0)) for name, each in rows.items()}


def of_areas(
  generator: np.random.Generator,
  number: int,
  population: simulations.Scores,
  counts: Sequence[int],
) -> dict[str, tuple[float, float]]:
  """Returns coverage and mean width of the areas under ROC and PR curves."""
  rows = {'roc_auc': [], 'average_precision': []}
  for _ in range(number):
    drawn = population.draw(generator, counts)
    truth = population.areas(drawn.slices[:, 1].sum() / drawn.num_slices)
    found = intervals.of_counts(drawn)
    for value, (name, row) in zip(truth, rows.items(), strict=True):
      _, low, high = (x[1] for x in found[name])
      row.append((low <= value <= high, high - low))
  return {name: tuple(np.mean(each, axis=0)) for name, each in rows.items()}


def of_differences(
  generator: np.random.Generator,
  number: int,
  *,
  count: int,
  accuracy: float,
  gain: float,
) -> tuple[float, float, float]:
  """Returns coverage and width of a difference in accuracy, and the verdicts.

  Runs A and B err in the same patients, but not alike; `gain` is the share of
  A's errors that B does not make. The last number is the share of splits in
  which the sign flips find a difference.
  """
  rows = []
  stratum = np.arange(count) % 2
  for _ in range(number):
    slices = simulations.uneven(generator, (count,))
    shared = simulations.rates(generator, np.full(count, accuracy), 0.2)
    a, b = (
      generator.binomial(
        slices.astype(int),
        simulations.rates(generator, np.clip(mean, 1e-6, 1 - 1e-6), 0.1),
      )
      for mean in (shared, shared + gain * (1 - shared))
    )
    runs = [_two_classes(x, slices, stratum) for x in (a, b)]
    found = paired.differences(runs[:1], runs[1:])['accuracy']
    covers = found.low <= gain * (1 - accuracy) <= found.high
    is_found = paired.sign_flips(b - a) < 0.05
    rows.append((covers, found.high - found.low, is_found))
  return tuple(np.mean(rows, axis=0))


def _two_classes(
  hits: np.ndarray, slices: np.ndarray, stratum: np.ndarray
) -> patient_counts.PatientCounts:
  counts = np.zeros((len(hits), 2, 2))
  patient = np.arange(len(hits))
  counts[patient, stratum, stratum] = hits
  counts[patient, stratum, 1 - stratum] = slices - hits
  values = metrics.from_confusion(counts.sum(axis=0))
  return patient_counts.PatientCounts(values, counts)


# Patients of each class, accuracies and correlation.
_POPULATIONS = (
  ((7, 7, 6), (0.9,) * 3, 0.2),
  ((7, 7, 6), (0.99,) * 3, 0.2),
  ((20, 20, 20), (0.9,) * 3, 0.2),
  ((20, 20, 20), (0.99,) * 3, 0.5),
  ((5, 30, 30), (0.95, 0.9, 0.97), 0.2),
  ((126, 125, 175), (0.993, 0.996, 0.987), 0.2),
  ((30, 60), (0.97, 0.95), 0.2),
)
# Patients of the class and of the other one.
_PATIENTS = ((10, 40), (30, 30), (30, 300), (100, 100))
# 1.81 and so on: areas of .9, .98, .998 and .9998.
_SCORES = (
  simulations.Scores(1.812, 0.5),
  simulations.Scores(2.904, 0.5),
  simulations.Scores(4.070, 0.5),
  simulations.Scores(5.006, 0.3),
  simulations.Scores(6.0, 0.3, hard=0.03),
  simulations.Scores(6.0, 0.3, hard=0.004),
)


def _tables(number: int, few: int, seed: int) -> Iterator[str]:
  """Yields the rows of the tables of docs/report.md."""
  yield '| shares of slices | before | now |\n|---|---|---|'
  for name, draw in cells().items():
    drawn = draw(np.random.default_rng(seed), number)
    texts = (_text(coverage(drawn, x)) for x in (bootstrap, today))
    yield f'| {name} | {" | ".join(texts)} |'
  for i, (counts, accuracy, correlation) in enumerate(_POPULATIONS):
    found = of_measures(
      np.random.default_rng(seed),
      few,
      counts=counts,
      accuracy=accuracy,
      correlation=correlation,
    )
    if not i:
      yield f'\n| patients, accuracy, ICC | {" | ".join(found)} |'
      yield '|---' * (len(found) + 1) + '|'
    classes = ', '.join(
      ' / '.join(map(str, values)) for values in (counts, accuracy)
    )
    texts = ' | '.join(map(_text, found.values()))
    yield f'| {classes}, {correlation} | {texts} |'
  yield '\n| patients | area | ROC AUC | average precision |\n|---|---|---|---|'
  for counts in _PATIENTS:
    for scores in _SCORES:
      found = of_areas(np.random.default_rng(seed), few, scores, counts)
      texts = ' | '.join(map(_text, found.values()))
      area = f'{scores.areas(0.5)[0]:.4f}{", hard ones" * (scores.hard > 0)}'
      yield f'| {counts[0]} and {counts[1]} | {area} | {texts} |'
  yield '\n| difference | interval | verdicts |\n|---|---|---|'
  for count in (20, 60, 400):
    for accuracy, gain in ((0.9, 0), (0.9, 0.5), (0.98, 0), (0.98, 0.5)):
      *found, share = of_differences(
        np.random.default_rng(seed),
        few,
        count=count,
        accuracy=accuracy,
        gain=gain,
      )
      name = f'{count} patients, {accuracy}, B without {gain:.0%} of the errors'
      yield f'| {name} | {_text(found)} | {share:.1%} |'


def _text(found: Sequence[float]) -> str:
  return f'{100 * found[0]:.1f} / {100 * found[1]:.1f}'


def main(argv: Sequence[str] | None = None) -> None:
  """Prints the tables."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument(
    '--simulations', type=int, default=2000, help='of shares of slices'
  )
  parser.add_argument(
    '--few', type=int, default=500, help='of measures, which are slower'
  )
  parser.add_argument('--seed', type=int, default=0)
  arguments = parser.parse_args(argv)
  for line in _tables(arguments.simulations, arguments.few, arguments.seed):
    print(line, flush=True)


if __name__ == '__main__':
  main()
