# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The section of a report on class activation maps."""

from collections.abc import Mapping, Sequence
import pathlib
from typing import Any

from bit_covid.analysis import figures
from bit_covid.base import files
from bit_covid.report import blocks
from bit_covid.report import facts
from bit_covid.report import tables

# Pixels of the image to one of the network's last map: halved five times.
_STRIDE = 32


def pictures(
  folder: pathlib.Path, class_names: Sequence[str]
) -> list[figures.Picture]:
  """Returns the PNG files of a folder, each with the text in its .txt file.

  Those of classes come first, in the order of the classes.
  """
  order = {
    f'{files.safe_name(name)}.png': i for i, name in enumerate(class_names)
  }
  paths = sorted(folder.glob('*.png'), key=lambda x: x.stem)
  result = []
  for path in sorted(paths, key=lambda x: order.get(x.name, len(order))):
    text = path.with_suffix('.txt')
    caption = text.read_text('utf-8').strip() if text.exists() else path.name
    result.append(
      figures.Picture(
        name=f'gradcam_{path.stem}',
        title='Class activation maps',
        caption=caption,
        alt=f'Class activation maps: {caption}',
        png=path.read_bytes(),
      )
    )
  return result


def sections(
  splits: Mapping[str, Any],
  config: Mapping[str, Any] | None,
  panels: Sequence[figures.Picture],
) -> list[blocks.Section]:
  """Returns the section of maps, or [] for a run without maps.

  Numbers of `map_numbers` are 'maps' of a split. The panels show the maps.
  """
  found = {name: x['maps'] for name, x in splits.items() if 'maps' in x}
  if not found and not panels:
    return []
  body = [blocks.Pictures(panels)] if panels else []
  for split, kinds in found.items():
    body += _energy_blocks(split, kinds['energy'], facts.of_data(config))
    body += _randomization_blocks(split, kinds['randomization'])
  if not found:
    body.append(
      blocks.Text(
        'What speaks for these maps was not measured: there is neither '
        'gradcam/energy.csv nor gradcam/randomization.csv of a split above.'
      )
    )
  return [blocks.Section('maps', 'Where the network looks', body)]


def _energy_blocks(
  split: str, found: Mapping[str, Any], data: Mapping[str, Any]
) -> list[blocks.Block]:
  left_out = _left_out(found)
  if 'missing' in found:
    text = 'How much of the maps lies in the body was not measured.'
    return [blocks.Note(f'{text} {found["missing"]}{left_out}')]
  right = blocks.share(found['all']['accuracy'], decimals=1)
  usual = blocks.share(found['all']['accuracy_of_run'], decimals=1)
  return [
    blocks.Text(
      'Does the network look at the body? Here the maps are of whole slices, '
      'resized as they are, of the class that is predicted on them: on a slice '
      'cropped to the box, all of a map is in the box. A map without any '
      'preference would have as large a share in the box as the box has of the '
      'slice.'
    ),
    blocks.Text(
      f'{_slices(found["drawn"])} of {split}, drawn at random, '
      'as many of each class where there are enough; boxes: '
      f'{" and ".join(found["boxes"])}.{left_out}{_whole(data)} Of these '
      f'whole slices {right} % are predicted rightly, as the network gets '
      f'them {usual} %: the further apart, the less these maps tell of how the '
      'network decides.'
    ),
    tables.energy(found),
  ]


def _whole(data: Mapping[str, Any]) -> str:
  """Returns what a network knows of whole slices, by its data's config."""
  text = ''
  if data.get('box') == 'none':
    text = ' The network was trained on whole slices.'
  elif data.get('box') in ('annotated', 'automatic'):
    text = (
      ' The network was trained on slices cropped to the box, and was never '
      'shown what lies outside.'
    )
  if 'crop' in data:
    side = -(-data['crop'] // _STRIDE)
    text += f' A map has {side} x {side} positions before it is enlarged.'
  return text


def _left_out(found: Mapping[str, Any]) -> str:
  text = ''
  if found.get('without_box'):
    text += f' Left out: {_slices(found["without_box"])} without a box.'
  if found.get('zero'):
    text += f' Left out: {_slices(found["zero"])} whose map is zero everywhere.'
  return text


def _slices(count: int) -> str:
  return figures.plural(count, 'slice')


def _randomization_blocks(
  split: str, found: Mapping[str, Any]
) -> list[blocks.Block]:
  if 'missing' in found:
    text = 'Maps of a randomized network were not compared.'
    return [blocks.Note(f'{text} {found["missing"]}')]
  return [
    blocks.Text(
      'Do the maps show what was learnt? From the head down, the parameters of '
      'one stage after the other are shuffled. Maps that stay as they were do '
      'not show what those parameters had learnt. Mean over '
      f'{_slices(found["slices"])} of {split}, as the network '
      f'gets them, and {figures.plural(found["seeds"], "shuffle")} of each '
      f'stage.{_left_out(found)}'
    ),
    tables.randomization(found),
  ]
