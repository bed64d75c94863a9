# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The Grad-CAM montage of a scan: slices, each above its colour overlay."""

import io

from matplotlib import colormaps
from matplotlib import colors as matplotlib_colors
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


def render(
  result: scan_result.ScanResult,
  footer: str = '',
  *,
  class_index: int | None = None,
  kind: str = 'PNG',
) -> bytes:
  """Returns the montage as an image file: each slice above its overlay.

  Drawn with Pillow, since Matplotlib would take as long as the network. Where
  the files say how a slice lies, letters name its sides.

  Args:
    result: of a scan.
    footer: lines below, for a picture that is passed on alone.
    class_index: of the maps; None: of the predicted class.
    kind: of the file, 'PNG' or 'JPEG'.

  Raises:
    ValueError: the result has no slices for a montage.
  """
  slices = result.montage_slices
  if not slices:
    raise ValueError('No slice of the scan was scored: nothing to draw.')
  if class_index is None:
    class_index = result.class_names.index(result.predicted)
  lines = footer.splitlines()
  columns = min(_COLUMNS, len(slices))
  row_height = _LINE + 2 * _TILE + 3 * _GAP
  height = -(-len(slices) // columns) * row_height
  width = columns * (_TILE + _GAP) + _GAP
  picture = Image.new('RGB', (width, height + _LINE * len(lines)), 'white')
  for number, each in enumerate(slices):
    row, column = divmod(number, columns)
    corner = _GAP + column * (_TILE + _GAP), row * row_height
    _draw(picture, each, class_index, corner, result.scan.has_sides)
  pen, font = ImageDraw.Draw(picture), ImageFont.load_default(16)
  for i, line in enumerate(lines):
    pen.text((_GAP, height + i * _LINE + 6), line, _INK, font)
  buffer = io.BytesIO()
  picture.save(buffer, kind, compress_level=3, quality=90)
  return buffer.getvalue()


def overlay(
  each: scan_result.MontageSlice, class_index: int
) -> tuple[np.ndarray, np.ndarray]:
  """Returns a slice without and with a map, each `[240, 240, 3]` uint8."""
  gray = np.asarray(_fit(Image.fromarray(each.gray)))
  gradcam = np.asarray(_fit(Image.fromarray(each.gradcam[class_index])))
  gradcam = np.clip(gradcam, 0, 1)
  plain = np.repeat(gray[..., np.newaxis], 3, axis=2)
  colour = colormaps[colours.MAPS](gradcam)[..., :3] * 255
  # The opacity follows the map, so that the slice stays visible where it is 0.
  alpha = (_OPACITY * gradcam)[..., np.newaxis]
  return plain, np.rint(plain * (1 - alpha) + colour * alpha).astype(np.uint8)


def colours_of_maps() -> list[str]:
  """Returns colours from nothing to the largest value of a map, as on black.

  They are '#rrggbb', and those of `overlay` where the slice is black.
  """
  values = np.linspace(0, 1, 9)
  rgb = colormaps[colours.MAPS](values)[:, :3] * (_OPACITY * values)[:, None]
  return [matplotlib_colors.to_hex(x) for x in rgb]


def _draw(
  picture: Image.Image,
  each: scan_result.MontageSlice,
  class_index: int,
  corner: tuple[int, int],
  has_sides: bool,
) -> None:
  """Draws a slice, its overlay below it, and a line of text above."""
  left, top = corner
  text = f'Slice {each.number}: {each.probabilities[class_index]:.0%}'
  font = ImageFont.load_default(22)
  ImageDraw.Draw(picture).text((left, top + 3), text, _INK, font)
  for number, pixels in enumerate(overlay(each, class_index)):
    tile = Image.fromarray(pixels)
    if has_sides:
      _mark_sides(tile)
    picture.paste(tile, (left, top + _LINE + number * (_TILE + _GAP)))


def _mark_sides(tile: Image.Image) -> None:
  """Writes the sides of the patient to the edges of a slice."""
  pen, font = ImageDraw.Draw(tile), ImageFont.load_default(18)
  middle = _TILE / 2
  for letter, place, anchor in (
    ('R', (4, middle), 'lm'),
    ('L', (_TILE - 4, middle), 'rm'),
    ('A', (middle, 4), 'mt'),
    ('P', (middle, _TILE - 4), 'mb'),
  ):
    pen.text(
      place, letter, 'white', font, anchor, stroke_width=2, stroke_fill='black'
    )


def _fit(image: Image.Image) -> Image.Image:
  """Returns the image in the middle of a black square tile, not stretched."""
  scale = _TILE / max(image.size)
  size = [max(1, round(x * scale)) for x in image.size]
  tile = Image.new(image.mode, (_TILE, _TILE))
  small = image.resize(size, Image.Resampling.BILINEAR)
  tile.paste(small, ((_TILE - size[0]) // 2, (_TILE - size[1]) // 2))
  return tile
