# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Several checkpoints, or one that also sees mirrored images, as one."""

from collections.abc import Sequence
import dataclasses
import pathlib
from typing import Any

from bit_covid.models import ensemble
from bit_covid.weights import bit_npz

# What all networks of an ensemble have in common, of `metadata.Metadata`.
_COMMON = ('class_names', 'preprocessing', 'window')


@dataclasses.dataclass(frozen=True)
class EnsembleCheckpoint(bit_npz.Checkpoint):
  """The parameters of several networks by `ensemble.name`.

  Its class names, preprocessing and window are those of all networks. The facts
  are those of the first. The temperature is 1 if each network has its own, with
  which its probabilities are calibrated before they are averaged; else None.
  """

  model: ensemble.Ensemble

  def create_model(self) -> ensemble.Model:
    """Returns the ensemble."""
    return self.model


def load(
  paths: Sequence[pathlib.Path], *, flips: bool = False
) -> bit_npz.Checkpoint:
  """Returns the checkpoint of one path, or that of an ensemble.

  Args:
    paths: .npz files for `bit_npz.load`.
    flips: average the results of each image and its mirror image.

  Raises:
    ValueError: a file cannot be loaded, or two of them do not fit together.
  """
  checkpoints = [bit_npz.load(path) for path in paths]
  first = checkpoints[0]
  if len(checkpoints) == 1 and not flips:
    return first
  for path, other in zip(paths[1:], checkpoints[1:], strict=True):
    _check_alike(first, other, paths[0], path)
  temperatures = [x.metadata.temperature for x in checkpoints]
  model = ensemble.Ensemble(
    tuple(x.create_model() for x in checkpoints),
    tuple(x or 1.0 for x in temperatures),
    flips,
  )
  is_calibrated = all(x is not None for x in temperatures)
  metadata = dataclasses.replace(
    first.metadata, temperature=1.0 if is_calibrated else None
  )
  params = {ensemble.name(i): x.params for i, x in enumerate(checkpoints)}
  return EnsembleCheckpoint(
    _describe([x.model_name for x in checkpoints], flips),
    params,
    metadata,
    model,
  )


def _describe(names: Sequence[str], flips: bool) -> str:
  counts = {x: names.count(x) for x in dict.fromkeys(names)}
  text = ' + '.join(
    x if count == 1 else f'{count} x {x}' for x, count in counts.items()
  )
  return f'{text}, also mirrored' if flips else text


def _check_alike(
  first: bit_npz.Checkpoint,
  other: bit_npz.Checkpoint,
  path: pathlib.Path,
  other_path: pathlib.Path,
) -> None:
  for name, here, there in zip(
    (*_COMMON, 'data'), _common(first), _common(other), strict=True
  ):
    if here != there:
      raise ValueError(
        f'{other_path} has {name} {there}, and {path} has {here}; the networks '
        'of an ensemble need the same. Leave one of them out.'
      )


def _common(checkpoint: bit_npz.Checkpoint) -> list[Any]:
  metadata = checkpoint.metadata
  fields = [getattr(metadata, name) for name in _COMMON]
  return [*fields, metadata.facts.get('data')]
