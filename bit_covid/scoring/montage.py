# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a scan's result: some slices with maps, and a curve of all."""

import io

from matplotlib import colormaps
from matplotlib import figure as mpl_figure
import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from bit_covid.analysis import figures
from bit_covid.scoring import score

_COLUMNS = 4
# Pixels of a tile, and of the line of text above it.
_TILE, _LINE, _GAP = 240, 32, 4
# How much of the map's colour covers a slice where the map is 1.
_OPACITY = 0.6
_INK = (31, 41, 55)


def montage(result: score.ScanResult, footer: str = '') -> bytes:
  """Returns a PNG of the shown slices: each as it is, below it with its map.

  Painted pixel by pixel: Matplotlib would take as long as the network.

  Args:
    result: of the scan.
    footer: lines below, for a picture that goes about without its page.

  Raises:
    ValueError: no slice is shown.
  """
  if not result.shown:
    raise ValueError('No slice of the scan was scored: nothing to draw.')
  columns = min(_COLUMNS, len(result.shown))
  rows = -(-len(result.shown) // columns)
  height = _LINE + 2 * _TILE + 3 * _GAP
  picture = Image.new(
    'RGB',
    (
      columns * (_TILE + _GAP) + _GAP,
      rows * height + _LINE * len(footer.splitlines()),
    ),
    'white',
  )
  pen, font = ImageDraw.Draw(picture), ImageFont.load_default(22)
  for number, shown in enumerate(result.shown):
    left = _GAP + (number % columns) * (_TILE + _GAP)
    top = (number // columns) * height
    text = f'Slice {shown.number}: {shown.probability:.0%}'
    pen.text((left, top + 3), text, _INK, font)
    plain, mapped = tiles(shown)
    picture.paste(Image.fromarray(plain), (left, top + _LINE))
    picture.paste(Image.fromarray(mapped), (left, top + _LINE + _TILE + _GAP))
  small = ImageFont.load_default(16)
  for i, line in enumerate(footer.splitlines()):
    pen.text((_GAP, rows * height + i * _LINE + 6), line, _INK, small)
  buffer = io.BytesIO()
  picture.save(buffer, 'PNG', compress_level=3)
  return buffer.getvalue()


def tiles(shown: score.Shown) -> tuple[np.ndarray, np.ndarray]:
  """Returns a slice as it is and under its map, `[240, 240, 3]` uint8 each."""
  gray = _fit(Image.fromarray(shown.gray))
  heat = np.clip(np.asarray(_fit(Image.fromarray(shown.heat))), 0, 1)
  plain = np.repeat(np.asarray(gray)[..., np.newaxis], 3, axis=2)
  colour = colormaps[figures.MAP_COLOURS](heat)[..., :3] * 255
  # What speaks little for the class stays clear.
  share = (_OPACITY * heat)[..., np.newaxis]
  return plain, np.rint(plain * (1 - share) + colour * share).astype(np.uint8)


def along_scan(result: score.ScanResult) -> mpl_figure.Figure:
  """Returns the probabilities of all slices from head to feet.

  Slices that do not count are gray.
  """
  figure = figures.new(2.4)
  axes = figures.plain(figure.subplots())
  for number, each in enumerate(result.slices, start=1):
    if not each.is_used:
      axes.axvspan(number - 0.5, number + 0.5, color='#E5E7EB', linewidth=0)
  numbers = [i for i, x in enumerate(result.slices, start=1) if x.is_used]
  values = [x.probabilities for x in result.slices if x.is_used]
  for i, name in enumerate(result.class_names):
    axes.plot(
      numbers,
      [x[i] for x in values],
      figures.dashes(i),
      color=figures.colour(i),
      marker=figures.marker(i),
      markersize=2.5,
      linewidth=1,
      label=name,
    )
  axes.set(
    xlim=(0.5, len(result.slices) + 0.5),
    ylim=(-0.02, 1.02),
    xlabel='Slice',
    ylabel='Probability',
  )
  figure.legend(
    *axes.get_legend_handles_labels(),
    loc='outside upper center',
    ncols=min(len(result.class_names), 4),
    frameon=False,
  )
  return figure


def _fit(image: Image.Image) -> Image.Image:
  """Returns the image in the middle of a black square tile, unstretched."""
  scale = _TILE / max(image.size)
  size = [max(1, round(x * scale)) for x in image.size]
  tile = Image.new(image.mode, (_TILE, _TILE))
  small = image.resize(size, Image.Resampling.BILINEAR)
  tile.paste(small, ((_TILE - size[0]) // 2, (_TILE - size[1]) // 2))
  return tile
