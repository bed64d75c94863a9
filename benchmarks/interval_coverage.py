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
import itertools

import numpy as np
import scipy.special

from benchmarks import interval_populations as populations
from benchmarks import interval_simulations as simulations
from bit_covid.analysis import calibration
from bit_covid.analysis import derived_intervals
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import metrics
from bit_covid.analysis import paired
from bit_covid.analysis import patient_counts
from bit_covid.analysis import proportion_interval

_RESAMPLES = 500


def bootstrap(
  hits: np.ndarray, slices: np.ndarray, stratum: np.ndarray
) -> np.ndarray:
  """Returns the bounds `[2, S]` that reports had before, NaN without any.

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
  bounds = np.transpose(
    [np.quantile(x, [p, 1 - p]) for x, p in zip(shares, tail, strict=True)]
  )
  return np.where(np.ptp(shares, axis=1) < 1e-12, np.nan, bounds)


def coverage(
  draw: simulations.Draw, method: Callable[..., Sequence[np.ndarray]]
) -> tuple[float, float]:
  """Returns the share of intervals with the truth, and their mean width."""
  low, high = method(draw.hits, draw.slices, draw.stratum)[-2:]
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


def of_losses(
  generator: np.random.Generator,
  number: int,
  population: simulations.Scores,
  counts: Sequence[int],
  *,
  confidence: float,
) -> dict[str, tuple[float, float]]:
  """Returns coverage and mean width of Brier score and log-likelihood."""
  rows = {'brier': [], 'nll': []}
  for _ in range(number):
    table = population.table(generator, counts, confidence=confidence)
    truth = population.losses(float(table['label'].mean()), confidence)
    found = calibration.losses_intervals(table)
    for name, row in rows.items():
      _, low, high = found[name]
      row.append((low <= truth[name] <= high, high - low))
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
  for _ in range(number):
    a, b = simulations.paired_runs(
      generator, count=count, accuracy=accuracy, gain=gain
    )
    found = paired.differences([a], [b])['accuracy']
    covers = found.low <= gain * (1 - accuracy) <= found.high
    hits = np.trace(b.counts - a.counts, axis1=1, axis2=2)
    is_found = paired.sign_flips(hits) < 0.05
    rows.append((covers, found.high - found.low, is_found))
  return tuple(np.mean(rows, axis=0))


def _shares(number: int, seed: int) -> Iterator[str]:
  yield '| shares of slices | before | now |\n|---|---|---|'
  for name, draw in populations.cells().items():
    drawn = draw(np.random.default_rng(seed), number)
    methods = bootstrap, proportion_interval.interval
    yield _row(name, *(coverage(drawn, x) for x in methods))


def _measures(number: int, seed: int) -> Iterator[str]:
  for i, (counts, accuracy, correlation) in enumerate(populations.POPULATIONS):
    found = of_measures(
      np.random.default_rng(seed),
      number,
      counts=counts,
      accuracy=accuracy,
      correlation=correlation,
    )
    if not i:
      yield f'\n| patients, accuracy, ICC | {" | ".join(found)} |'
      yield '|---' * (len(found) + 1) + '|'
    classes = (' / '.join(map(str, values)) for values in (counts, accuracy))
    yield _row(f'{", ".join(classes)}, {correlation}', *found.values())


def _areas(number: int, seed: int) -> Iterator[str]:
  yield '\n| patients | area | ROC AUC | average precision |\n|---|---|---|---|'
  for counts in populations.PATIENTS:
    for scores in populations.SCORES:
      generator = np.random.default_rng(seed)
      found = of_areas(generator, number, scores, counts)
      area = f'{scores.areas(0.5)[0]:.4f}{", hard ones" * (scores.hard > 0)}'
      name = f'{counts[0]} and {counts[1]} | {area}'
      yield _row(name, *found.values())


def _losses(number: int, seed: int) -> Iterator[str]:
  yield (
    '\n| patients | area | confidence | Brier score | NLL |'
    '\n|---|---|---|---|---|'
  )
  for counts in populations.PATIENTS:
    for scores, confidence in populations.LOSSES:
      generator = np.random.default_rng(seed)
      found = of_losses(
        generator, number, scores, counts, confidence=confidence
      )
      area = f'{scores.areas(0.5)[0]:.4f}{", hard ones" * (scores.hard > 0)}'
      name = f'{counts[0]} and {counts[1]} | {area} | {confidence:g}'
      yield _row(name, *found.values())


def _differences(number: int, seed: int) -> Iterator[str]:
  yield '\n| difference | interval | verdicts |\n|---|---|---|'
  for count in (20, 60, 400):
    for accuracy, gain in ((0.9, 0), (0.9, 0.5), (0.98, 0), (0.98, 0.5)):
      generator = np.random.default_rng(seed)
      *found, share = of_differences(
        generator, number, count=count, accuracy=accuracy, gain=gain
      )
      name = f'{count} patients, {accuracy}, B without {gain:.0%} of the errors'
      yield f'{_row(name, found)} {share:.1%} |'


def _row(name: str, *found: Sequence[float]) -> str:
  cells = [
    f'{100 * covered:.1f} / {100 * width:.1f}' for covered, width in found
  ]
  return f'| {" | ".join([name, *cells])} |'


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
  few, seed = arguments.few, arguments.seed
  tables = [x(few, seed) for x in (_measures, _areas, _losses, _differences)]
  for line in itertools.chain(_shares(arguments.simulations, seed), *tables):
    print(line, flush=True)


if __name__ == '__main__':
  main()
