# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the names of BiT's public files say, as its README lists them."""

import pytest

from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz
from bit_covid.weights import public_files

SIZES = ('R50x1', 'R50x3', 'R101x1', 'R101x3', 'R152x2', 'R152x4')
OTHERS = {
  'BiT-M-R50x1-CIFAR10': ('R50x1', 10),
  'vtab/BiT-M-R101x3-run2-diabetic_retinopathy': ('R101x3', None),
  'vtab/BiT-M-R50x1-run0-patch_camelyon': ('R50x1', None),
  'distill/R50x1_224': ('R50x1', 1000),
  'distill/R50x1_160': ('R50x1', 1000),
  'distill/R152x2_T_224': ('R152x2', 1000),
  'distill/R152x2_T_384': ('R152x2', 1000),
}


@pytest.mark.parametrize('size', SIZES)
def test_names_of_each_size(size):
  assert public_files.parse(f'BiT-S-{size}') == (size, 1000)
  assert public_files.parse(f'BiT-M-{size}') == (size, 21_843)
  assert public_files.parse(f'BiT-M-{size}-ILSVRC2012') == (size, 1000)
  assert size in resnet_v2.MODELS


@pytest.mark.parametrize('name', OTHERS)
def test_other_names(name):
  assert public_files.parse(name) == OTHERS[name]


@pytest.mark.parametrize(
  'name', ['BiT-M-tiny', 'BiT-L-R50x1', 'BiT-M-R50x2', 'BiT-M-R50x1.npz', '']
)
def test_no_names(name):
  assert public_files.parse(name) is None


@pytest.mark.parametrize(
  ('name', 'found', 'problem'),
  [
    ('BiT-M-R50x1', ('R50x1', 21_843), None),
    ('BiT-M-R50x1', ('R50x1', 1000), 'is R50x1 with 21,843 classes.'),
    ('BiT-M-R50x1', ('R50x3', 21_843), 'is R50x1.'),
    ('BiT-M-R50x1', ('tiny', 3), 'is R50x1 with 21,843 classes.'),
    ('vtab/BiT-M-R50x1-run0-dtd', ('R50x1', 47), None),
    ('vtab/BiT-M-R50x1-run0-dtd', ('R101x1', 47), 'is R50x1.'),
  ],
  ids=['same', 'head', 'width', 'tiny', 'task', 'depth'],
)
def test_file_is_compared_with_its_name(monkeypatch, name, found, problem):
  monkeypatch.setattr(bit_npz, 'identify', lambda path: found)
  if problem is None:
    public_files.check('a.npz', name)
    return
  with pytest.raises(ValueError, match=f'a.npz holds {found[0]} .*{problem}$'):
    public_files.check('a.npz', name)


def test_names_that_are_listed_are_names():
  names = public_files.names()
  assert len(names) == 3 * len(SIZES) + 1
  assert {public_files.parse(x).model_name for x in names} == set(SIZES)
  assert {public_files.parse(x).num_classes for x in names} == {
    1000,
    21_843,
    10,
  }
