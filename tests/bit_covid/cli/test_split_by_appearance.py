# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Splits of images whose patients nobody named."""

import collections

import cv2
import numpy as np
import pytest

from bit_covid.cli import split
from input_pipeline import image_csv


@pytest.fixture
def path(tmp_path):
  """A CSV of 12 scans of 4 slices, whose names do not tell the scan."""
  generator = np.random.default_rng(0)
  lines = ['path,label']
  for scan in range(12):
    picture = generator.normal(128, 60, [12, 12])
    for _ in range(4):
      picture = picture + generator.normal(0, 15, [12, 12])
      image = cv2.resize(np.clip(picture, 0, 255).astype(np.uint8), (60, 50))
      name = f'{scan}-{generator.integers(1 << 40)}.png'
      cv2.imwrite(str(tmp_path / name), image)
      lines.append(f'{name},{"AB"[scan % 2]}')
  path = tmp_path / 'images.csv'
  path.write_text('\n'.join(lines))
  return path


def test_slices_of_a_scan_stay_together(path, capsys):
  arguments = ['--group_by=appearance', '--correlation=0.8']
  assert split.main([str(path), *arguments]) == 0
  output = capsys.readouterr().out
  assert 'All: 48 slices of 12 groups.' in output
  _, splits = image_csv.read_all(path.with_name('images_split.csv'))
  found = collections.defaultdict(set)
  for name, images in splits.items():
    for image in images:
      found[image.slice_id.split('-')[0]].add(name)
  assert len(found) == 12
  assert all(len(names) == 1 for names in found.values())
  # The table: without groups, the nearest picture is of the same scan.
  rows = {line.strip()[:9].strip(): line for line in output.splitlines()}
  assert float(rows['no groups'].split()[-1].rstrip('%')) > 90
  assert float(rows['0.8'].split()[-1].rstrip('%')) < 80


@pytest.mark.parametrize(
  ('header', 'arguments', 'message'),
  [
    ('path,label', ['--correlation=1.5'], 'at most 1'),
    ('path,patient', [], "columns are 'path', 'patient'"),
  ],
)
def test_what_cannot_be_grouped_gets_one_line(
  path, capsys, header, arguments, message
):
  path.write_text(path.read_text().replace('path,label', header))
  assert split.main([str(path), '--group_by=appearance', *arguments]) == 2
  error = capsys.readouterr().err
  assert message in error
  assert error.count('\n') == 1
  assert not path.with_name('images_split.csv').exists()


def test_known_patients_are_better_than_the_appearance(tmp_path, capsys):
  path = tmp_path / 'images.csv'
  path.write_text('path,label,patient\na.png,N,p')
  assert split.main([str(path), '--group_by=appearance']) == 2
  assert 'leave out --group_by' in capsys.readouterr().err


def test_a_missing_image_is_named(path, capsys):
  path.write_text(path.read_text() + '\nnone.png,A')
  assert split.main([str(path), '--group_by=appearance']) == 2
  error = capsys.readouterr().err
  assert 'none.png does not exist' in error
