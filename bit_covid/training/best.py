# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the best evaluation of a training, for `config.keep`.

Which evaluation is best follows from `metrics.jsonl` alone, so a resumed run
decides as an uninterrupted one. The parameters lie in `<workdir>/best/`.
"""

from collections.abc import Mapping, Sequence
import types
from typing import Any, NamedTuple

from etils import epath
import jax
import ml_collections

from bit_covid.base import devices
from bit_covid.base import progress
from bit_covid.training import metric_log
from bit_covid.training import shared_disk
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata

LAST = 'last'
# By the value of `config.keep`: the measure, and its factor in comparisons.
_MEASURES: Mapping[str, tuple[str, int]] = types.MappingProxyType(
  {'best_loss': ('loss', -1), 'best_accuracy': ('accuracy', 1)}
)
KEEP = (LAST, *_MEASURES)


class Evaluation(NamedTuple):
  """An evaluation during a training: its step and the value of the measure."""

  step: int
  value: float


class Best:
  """Keeps the parameters of the best evaluation so far, on the first host."""

  def __init__(
    self,
    config: ml_collections.ConfigDict,
    workdir: epath.Path,
    steps_done: int,
  ):
    """Begins with the evaluations of the first `steps_done` steps."""
    self._config = config
    self._folder = workdir / 'best'
    self._evaluations = []
    if config.keep == LAST:
      return
    measure, _ = _MEASURES[config.keep]
    name = f'{config.eval_split}_{measure}'
    for row in metric_log.read(workdir / 'metrics.jsonl'):
      if name in row and row['step'] <= steps_done:
        self._evaluations.append(Evaluation(row['step'], row[name]))

  def add(
    self, step: int, measures: Mapping[str, float], params: Mapping[str, Any]
  ) -> None:
    """Adds an evaluation; writes the replicated parameters if it is the best.

    Raises:
      OSError: they could not be written.
    """
    if self._config.keep == LAST:
      return
    measure, _ = _MEASURES[self._config.keep]
    self._evaluations.append(Evaluation(step, measures[measure]))
    if choose(self._evaluations, self._config.keep).step == step:
      self._write(step, devices.to_host(params))

  def _write(self, step: int, params: Mapping[str, Any]) -> None:
    if jax.process_index():
      return
    self._folder.mkdir(parents=True, exist_ok=True)
    names = metadata.unknown(params['head']['bias'].shape[-1]).class_names
    bit_npz.save(
      self._path(step),
      params,
      model_name=self._config.model.name,
      metadata=metadata.Metadata(names),
    )

  def is_over(self) -> bool:
    """Returns whether `config.early_stop` evaluations since were no better."""
    if not self._config.early_stop or not self._evaluations:
      return False
    best = choose(self._evaluations, self._config.keep)
    since = [x for x in self._evaluations if x.step > best.step]
    return len(since) >= self._config.early_stop

  def prune(self, checkpoints: Sequence[int]) -> None:
    """Removes parameters that no run from these checkpoints needs again."""
    if not self._evaluations or jax.process_index():
      return
    ends = [*checkpoints, self._evaluations[-1].step]
    earlier = [[x for x in self._evaluations if x.step <= end] for end in ends]
    needed = [choose(x, self._config.keep).step for x in earlier if x]
    for path in self._folder.glob('*.npz'):
      if path not in map(self._path, needed):
        path.unlink()

  def result(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the replicated parameters that are the result of the training.

    Args:
      params: the replicated parameters after the last step.

    Raises:
      FileNotFoundError: those of the best evaluation are missing.
    """
    if self._config.keep == LAST:
      return params
    best = choose(self._evaluations, self._config.keep)
    path = self._path(best.step)
    shared_disk.check_seen(path)
    if not path.exists():
      raise FileNotFoundError(
        f'{path} is missing, the parameters of the best evaluation. Restore '
        "the file, or train anew; config.keep='last' needs no such file."
      )
    measure, _ = _MEASURES[self._config.keep]
    progress.say(
      f'The network after step {best.step:,} is kept: {measure} of '
      f'{self._config.eval_split} {best.value:.4g}, the best of '
      f'{len(self._evaluations)} evaluations, the last of which was after step '
      f'{self._evaluations[-1].step:,}.'
    )
    return devices.replicate(bit_npz.load(path).params)

  def _path(self, step: int) -> epath.Path:
    return self._folder / f'{step}.npz'


def choose(evaluations: Sequence[Evaluation], keep: str) -> Evaluation:
  """Returns the best evaluation, the earliest of equal ones.

  Args:
    evaluations: at least one, in the order of their steps.
    keep: 'best_loss' or 'best_accuracy'.
  """
  _, factor = _MEASURES[keep]
  return max(evaluations, key=lambda x: factor * x.value)
