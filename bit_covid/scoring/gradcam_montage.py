# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The Grad-CAM montage of a scan: slices, each above its colour overlay."""

import io

from matplotlib import colormaps
import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from bit_covid.analysis import colours
from bit_covid.scoring import scan_result

_COLUMNS = 4
# Pixels of a tile, of the line of text above it, and between tiles.
_TILE, _LINE, _GAP = 240, 32, 4
# Opacity of the colour where the map is 1.
_OPACITY = 0.6
_INK = (31, 41, 55)


def render(result: scan_result.ScanResult, footer: str = '') -> bytes:
  """Returns the montage as a PNG file: each slice above its overlay.

  Drawn with Pillow, since Matplotlib would take as long as the network. The
  lines of `footer` stand below, for a picture that is passed on alone.

  Raises:
    ValueError: the result has no slices for a montage.
  """
  slices = result.montage_slices
  if not slices:
    raise ValueError('No slice of the scan was scored: nothing to draw.')
  lines = footer.splitlines()
  columns = min(_COLUMNS, len(slices))
  row_height = _LINE + 2 * _TILE + 3 * _GAP
  height = -(-len(slices) // columns) * row_height
  width = columns * (_TILE + _GAP) + _GAP
  picture = Image.new('RGB', (width, height + _LINE * len(lines)), 'white')
  for number, each in enumerate(slices):
    row, column = divmod(number, columns)
    _draw(picture, each, _GAP + column * (_TILE + _GAP), row * row_height)
  pen, font = ImageDraw.Draw(picture), ImageFont.load_default(16)
  for i, line in enumerate(lines):
    pen.text((_GAP, height + i * _LINE + 6), line, _INK, font)
  buffer = io.BytesIO()
  picture.save(buffer, 'PNG', compress_level=3)
  return buffer.getvalue()


def overlay(each: scan_result.MontageSlice) -> tuple[np.ndarray, np.ndarray]:
  """Returns a slice without and with its map, each `[240, 240, 3]` uint8."""
  gray = np.asarray(_fit(Image.fromarray(each.gray)))
  gradcam = np.clip(np.asarray(_fit(Image.fromarray(each.gradcam))), 0, 1)
  plain = np.repeat(gray[..., np.newaxis], 3, axis=2)
  colour = colormaps[colours.MAPS](gradcam)[..., :3] * 255
  # The opacity follows the map, so that the slice stays visible where it is 0.
  alpha = (_OPACITY * gradcam)[..., np.newaxis]
  return plain, np.rint(plain * (1 - alpha) + colour * alpha).astype(np.uint8)


def _draw(
  picture: Image.Image, each: scan_result.MontageSlice, left: int, top: int
) -> None:
  """Draws a slice, its overlay below it, and a line of text above."""
  text = f'Slice {each.number}: {each.probability:.0%}'
  font = ImageFont.load_default(22)
  ImageDraw.Draw(picture).text((left, top + 3), text, _INK, font)
  plain, mapped = map(Image.fromarray, overlay(each))
  picture.paste(plain, (left, top + _LINE))
  picture.paste(mapped, (left, top + _LINE + _TILE + _GAP))


def _fit(image: Image.Image) -> Image.Image:
  """Returns the image in the middle of a black square tile, not stretched."""
  scale = _TILE / max(image.size)
  size = [max(1, round(x * scale)) for x in image.size]
  tile = Image.new(image.mode, (_TILE, _TILE))
  small = image.resize(size, Image.Resampling.BILINEAR)
  tile.paste(small, ((_TILE - size[0]) // 2, (_TILE - size[1]) // 2))
  return tile
