# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The checkpoints that BiT's authors published, by their names.

A name says the size of a network and what it was trained on, so its shapes are
known. The sizes and checksums of the files are not: they could not be
downloaded where this was developed.
"""

import os
import re
from typing import NamedTuple

from bit_covid.weights import bit_npz

_SIZES = ('R50x1', 'R50x3', 'R101x1', 'R101x3', 'R152x2', 'R152x4')
_SIZE = '|'.join(_SIZES)
# Names and numbers of classes, from the README and `bit_jax/models.py` of
# https://github.com/google-research/big_transfer; those of the distilled
# networks from `resnetv2.py` of timm. None: it depends on the task of VTAB.
_FORMS = (
  (rf'BiT-S-({_SIZE})', 1000),
  (rf'BiT-M-({_SIZE})', 21_843),
  (rf'BiT-M-({_SIZE})-ILSVRC2012', 1000),
  (rf'BiT-M-({_SIZE})-CIFAR10', 10),
  (rf'vtab/BiT-M-({_SIZE})-run\d-[\w-]+', None),
  (rf'distill/({_SIZE})(?:_T)?_\d+', 1000),
)


class PublicFile(NamedTuple):
  """What the name of a public file says."""

  # In `resnet_v2.MODELS`.
  model_name: str
  # None: the name does not say it.
  num_classes: int | None


def names() -> list[str]:
  """Returns the names of the networks that BiT published for general use.

  Left out are those of the tasks of VTAB and the distilled ones. The authors
  name a network for CIFAR-10 of one size only.
  """
  kinds = ('BiT-S-{}', 'BiT-M-{}', 'BiT-M-{}-ILSVRC2012')
  general = [kind.format(size) for kind in kinds for size in _SIZES]
  return [*general, 'BiT-M-R50x1-CIFAR10']


def parse(name: str) -> PublicFile | None:
  """Returns what a name such as 'BiT-M-R50x1' says; None if it is no name."""
  for form, num_classes in _FORMS:
    if found := re.fullmatch(form, name):
      return PublicFile(found[1], num_classes)
  return None


def check(path: str | os.PathLike[str], name: str) -> None:
  """Checks that keys and shapes of a file are those of a public file.

  Raises:
    ValueError: they are others.
  """
  expected = parse(name)
  model_name, num_classes = bit_npz.identify(path)
  expects_classes = expected.num_classes not in (None, num_classes)
  if model_name != expected.model_name or expects_classes:
    head = f' with {expected.num_classes:,} classes' if expects_classes else ''
    raise ValueError(
      f'{path} holds {model_name} with {num_classes:,} classes, but {name} is '
      f'{expected.model_name}{head}.'
    )
