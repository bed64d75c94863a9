# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trees of vessels in three dimensions, and their cuts by slices.

A vessel that runs within a slice shows as a line and one that crosses it as a
dot, and both move a little from slice to slice, as in real lungs.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from input_pipeline.phantom import geometry

# Number of discs along one branch, enough for them to overlap.
_POINTS_PER_BRANCH = 14


class Tree(NamedTuple):
  """A tree as discs, whose centers `points` are `[P, 3]` x, y and z."""

  points: np.ndarray
  radii: np.ndarray


def grow_tree(
  rng: np.random.Generator,
  targets: np.ndarray,
  *,
  root: np.ndarray,
  radius: float,
) -> Tree:
  """Returns a tree that grows from a root to all targets.

  The branch of a group of targets ends halfway to their mean. Then the group is
  split in two along its longest axis, so that branches fill the space and never
  cross.

  Args:
    rng: draws the bends.
    targets: `[2**N, 3]`, the ends of the thinnest branches.
    root: `[3]`, the start of the trunk.
    radius: of the trunk.
  """
  groups, start = targets[None], root[None]
  branches = []
  while True:
    count, members, _ = groups.shape
    share = 1.0 if members == 1 else 0.5
    end = start + share * (groups.mean(axis=1) - start)
    branches.append(_bend(rng, start, end, radius=radius))
    if members == 1:
      break
    longest = np.ptp(groups, axis=1).argmax(axis=1)[:, None, None]
    order = np.take_along_axis(groups, longest, axis=2).argsort(axis=1)
    groups = np.take_along_axis(groups, order, axis=1)
    groups = groups.reshape(2 * count, members // 2, 3)
    start, radius = np.repeat(end, 2, axis=0), radius * 0.85
  points, radii = zip(*branches, strict=True)
  return Tree(np.concatenate(points), np.concatenate(radii))


def join(*trees: Tree) -> Tree:
  """Returns one tree of all the discs."""
  return Tree(*map(np.concatenate, zip(*trees, strict=True)))


def _bend(rng, start, end, *, radius) -> tuple[np.ndarray, np.ndarray]:
  """Returns points and radii of bent branches; the ends are `[B, 3]` each."""
  along = np.linspace(0, 1, _POINTS_PER_BRANCH)[None, :, None]
  length = np.linalg.norm(end - start, axis=1)[:, None]
  bow = rng.normal(size=start.shape) * 0.12 * length
  points = start[:, None] + along * (end - start)[:, None]
  points = points + (4 * along * (1 - along)) * bow[:, None]
  radii = np.broadcast_to(radius * (1 - 0.15 * along), (*points.shape[:2], 1))
  return points.reshape(-1, 3), radii.reshape(-1)


def draw_tree(
  tree: Tree,
  size: int,
  *,
  depth: float,
  thickness: float,
  to_image: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> np.ndarray:
  """Returns an image of the tree in a slice, `[size, size]` float32 in [0, 1].

  Args:
    tree: in the coordinates of the patient.
    size: in pixels.
    depth: z of the slice.
    thickness: of the slice. Discs fade with their distance from its middle.
    to_image: from x and y of the patient to those of the image.
  """
  off = np.abs(tree.points[:, 2] - depth)
  near = off < thickness + tree.radii
  points, radii = tree.points[near], tree.radii[near]
  x, y = to_image(points[:, 0], points[:, 1])
  weight = np.clip(2 * (1 - off[near] / (thickness + radii)), 0, 1)
  return geometry.stamp_discs(size, x=x, y=y, radius=radii, weight=weight)
