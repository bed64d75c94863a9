# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.image_file."""

import io
import re
import resource
import struct
import zlib

import cv2
import numpy as np
from PIL import Image
import pytest
import tensorflow as tf

from input_pipeline import image_file
from input_pipeline import preprocess


def _tf_gray(encoded):
  """Decodes as TensorFlow does, which is not the decoder of the pipeline."""
  return tf.io.decode_image(encoded, channels=1).numpy()[..., 0]


def _luma(rgb):
  """ITU-R 601."""
  return rgb[..., :3] @ np.array([0.299, 0.587, 0.114])


def _save(image, kind='PNG', **options):
  buffer = io.BytesIO()
  image.save(buffer, kind, **options)
  return buffer.getvalue()


def _chunk(name, data):
  crc = zlib.crc32(name + data)
  return struct.pack('>I', len(data)) + name + data + struct.pack('>I', crc)


def _png(width, height, bits, color, rows):
  """Writes a PNG of any kind, from its bytes: rows with a filter byte each."""
  header = struct.pack('>IIBBBBB', width, height, bits, color, 0, 0, 0)
  return b'\x89PNG\r\n\x1a\n' + b''.join(
    (
      _chunk(b'IHDR', header),
      _chunk(b'IDAT', zlib.compress(rows)),
      _chunk(b'IEND', b''),
    )
  )


@pytest.fixture
def gray(noise):
  return noise(23, 31)


@pytest.fixture
def smooth():
  """Something that JPEG keeps nearly as it is."""
  return np.add.outer(np.arange(24) * 3, np.arange(32) * 4).astype(np.uint8)


def test_a_gray_png_comes_back_unchanged(gray, encode):
  encoded = encode(gray)
  assert image_file.to_plain_gray(encoded, 'x.png') == encoded
  np.testing.assert_array_equal(_tf_gray(encoded), gray)


@pytest.mark.parametrize('progressive', [False, True])
def test_a_gray_jpeg_comes_back_unchanged(smooth, encode, progressive):
  encoded = encode(smooth, 'JPEG', quality=95, progressive=progressive)
  assert image_file.to_plain_gray(encoded, 'x.jpg') == encoded
  np.testing.assert_allclose(_tf_gray(encoded), smooth.astype(int), atol=4)


def test_a_colour_jpeg_comes_back_unchanged_and_decodes_to_luma(smooth, encode):
  rgb = np.stack([smooth, smooth[::-1], smooth[:, ::-1]], axis=-1)
  encoded = encode(rgb, 'JPEG', quality=95, subsampling=0)
  assert image_file.to_plain_gray(encoded, 'x.jpg') == encoded
  decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
  # OpenCV has rounded and clipped the channels.
  np.testing.assert_allclose(_tf_gray(encoded), _luma(decoded), atol=3)


def test_a_png_of_four_bits_decodes_to_its_sixteen_grays():
  rows = b''.join(b'\0' + bytes([0x01, 0x9F]) for _ in range(3))
  encoded = image_file.to_plain_gray(_png(4, 3, 4, 0, rows), 'x.png')
  np.testing.assert_array_equal(_tf_gray(encoded), [[0, 17, 153, 255]] * 3)


def test_equal_channels_are_their_gray_value_exactly(encode):
  gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
  for channels in (3, 4):
    colour = np.repeat(gray[..., None], channels, axis=-1)
    colour[..., 3:] = 255
    encoded = image_file.to_plain_gray(encode(colour), 'x.png')
    np.testing.assert_array_equal(_tf_gray(encoded), gray)


def test_colour_becomes_luma(noise, encode):
  rgb = np.stack([noise(20, 30, seed=seed) for seed in range(3)], axis=-1)
  encoded = image_file.to_plain_gray(encode(rgb), 'x.png')
  np.testing.assert_allclose(_tf_gray(encoded), _luma(rgb), atol=0.51)


def test_what_is_transparent_becomes_black(noise, encode):
  rgba = np.stack([noise(20, 30, seed=seed) for seed in range(4)], axis=-1)
  rgba[:5, :, 3] = 0
  rgba[5:10, :, 3] = 255
  encoded = image_file.to_plain_gray(encode(rgba), 'x.png')
  expected = _luma(rgba) * rgba[..., 3] / 255
  np.testing.assert_allclose(_tf_gray(encoded), expected, atol=1.01)
  assert (_tf_gray(encoded)[:5] == 0).all()
  np.testing.assert_allclose(
    _tf_gray(encoded)[5:10], _luma(rgba[5:10]), atol=0.51
  )


def test_gray_with_alpha_becomes_darker(gray, noise):
  alpha = noise(23, 31, seed=1)
  image = Image.merge('LA', [Image.fromarray(gray), Image.fromarray(alpha)])
  encoded = image_file.to_plain_gray(_save(image), 'x.png')
  expected = gray * (alpha / 255)
  np.testing.assert_allclose(_tf_gray(encoded), expected, atol=1.01)


def test_a_gray_value_that_stands_for_transparent_becomes_black(gray, encode):
  gray[3, 4] = 77
  encoded = image_file.to_plain_gray(encode(gray, transparency=77), 'x.png')
  np.testing.assert_array_equal(
    _tf_gray(encoded), np.where(gray == 77, 0, gray)
  )


def test_a_palette_is_looked_up(noise):
  palette = noise(256, 3, seed=7)
  indices = noise(20, 30)
  image = Image.fromarray(indices).convert('P')
  image.putdata(indices.ravel().tolist())
  image.putpalette(palette.ravel().tolist())
  encoded = image_file.to_plain_gray(_save(image), 'x.png')
  np.testing.assert_allclose(
    _tf_gray(encoded), _luma(palette[indices]), atol=0.51
  )


def test_one_bit_is_black_and_white(gray):
  image = Image.fromarray(gray > 127)
  assert image.mode == '1'
  encoded = image_file.to_plain_gray(_save(image), 'x.png')
  np.testing.assert_array_equal(_tf_gray(encoded), np.where(gray > 127, 255, 0))


def test_ink_becomes_gray(smooth):
  no_ink = np.zeros_like(smooth)
  cmyk = [Image.fromarray(plane) for plane in (no_ink, no_ink, no_ink, smooth)]
  jpeg = _save(Image.merge('CMYK', cmyk), 'JPEG', quality=98)
  encoded = image_file.to_plain_gray(jpeg, 'x.jpg')
  expected = 255 - smooth.astype(int)
  np.testing.assert_allclose(_tf_gray(encoded), expected, atol=4)


@pytest.mark.parametrize(
  ('range_16bit', 'values', 'expected'),
  [
    ((0, 65_535), (0, 128, 129, 257, 32_767, 65_535), (0, 0, 1, 1, 127, 255)),
    ((0, 4095), (0, 8, 9, 2048, 4095, 9000), (0, 0, 1, 128, 255, 255)),
    ((1000, 2000), (0, 1000, 1200, 1502, 2000), (0, 0, 51, 128, 255)),
  ],
)  # fmt: skip
def test_sixteen_bits_are_scaled_by_the_range(
  encode, range_16bit, values, expected
):
  png = encode(np.array([values], np.uint16))
  encoded = image_file.to_plain_gray(png, 'x.png', range_16bit=range_16bit)
  assert _tf_gray(encoded).tolist() == [list(expected)]


def test_the_full_range_is_the_default_of_sixteen_bits(encode):
  png = encode(np.array([[0, 32_896, 65_535]], np.uint16))
  encoded = image_file.to_plain_gray(png, 'x.png')
  assert _tf_gray(encoded).tolist() == [[0, 128, 255]]


def test_twelve_bits_under_the_full_range_are_an_error(encode):
  png = encode(np.array([[0, 17, 4095]], np.uint16))
  with pytest.raises(ValueError, match=r'scan\.png.* from 0 to 4095.*65535'):
    image_file.to_plain_gray(png, 'scan.png')
  with pytest.raises(ValueError, match=r'range_16bit .*\(0, 4095\)'):
    image_file.to_plain_gray(png, 'scan.png')


def test_a_black_image_of_sixteen_bits_is_no_error(encode):
  png = encode(np.zeros((3, 4), np.uint16))
  assert not _tf_gray(image_file.to_plain_gray(png, 'x.png')).any()


_BAD = {
  'empty': b'',
  'text': b'path,label,split\na.png,CP,train\n',
  'signature': b'\x89PNG\r\n\x1a\n',
  # 2.5 billion pixels in a file of some hundred bytes.
  'bomb': _png(50_000, 50_000, 8, 0, b'\0'),
  'GIF': _save(Image.new('L', (4, 3)), 'GIF'),
}


@pytest.mark.parametrize(
  'size', [(4, 0), (0, 4), (2**32 - 1, 2**32 - 1), (100_000, 100_000)]
)
def test_a_size_that_no_slice_has_is_refused_before_memory_is_taken(size):
  # Half a gigabyte, which must not be decompressed.
  packer = zlib.compressobj(9)
  zeros = [packer.compress(bytes(2**20)) for _ in range(512)]
  header = struct.pack('>IIBBBBB', *size, 8, 0, 0, 0, 0)
  encoded = _png(1, 1, 8, 0, b'')[:8] + b''.join(
    (
      _chunk(b'IHDR', header),
      _chunk(b'IDAT', b''.join([*zeros, packer.flush()])),
      _chunk(b'IEND', b''),
    )
  )
  message = f'declares {size[0]} x {size[1]} pixels; expected 1 to 16,777,216'
  before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  for decode in (lambda x: image_file.decode(x, 'a.png'), preprocess.decode):
    with pytest.raises(ValueError, match=message) as error:
      decode(encoded)
    assert '\n' not in str(error.value)
  grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
  assert grown < 100_000  # Kilobytes.


def test_errors_of_decoders_are_not_shown():
  for encoded in _BAD.values():
    with pytest.raises(ValueError, match='Restore') as error:
      image_file.decode(encoded, 'a.png')
    assert not re.search(r'_io|BytesIO|bomb|Errno|Error', str(error.value))
    assert '\n' not in str(error.value)


def test_a_narrow_range_in_the_middle_is_an_error(encode):
  # Hounsfield units + 32768, as in DeepLesion: five gray values would be left.
  png = encode(np.array([[31_744, 32_000, 32_871]], np.uint16))
  message = r'from 31744 to 32871.*such as \(31744, 32871\).*trained network'
  with pytest.raises(image_file.NarrowRangeError, match=message):
    image_file.to_plain_gray(png, 'x.png')
  for options in ({'range_16bit': (31_418, 32_918)}, {'allow_narrow': True}):
    assert image_file.to_plain_gray(png, 'x.png', **options)


def test_the_remedy_is_not_what_is_set(encode):
  png = encode(np.array([[0, 100]], np.uint16))
  with pytest.raises(ValueError, match=r'such as \(0, 100\)'):
    image_file.to_plain_gray(png, 'x.png', range_16bit=(0, 4095))


@pytest.mark.parametrize('kind', list(_BAD))
def test_what_is_no_image_is_an_error_with_its_name(kind):
  with pytest.raises(ValueError, match='not a readable PNG or JPEG') as error:
    image_file.to_plain_gray(_BAD[kind], 'a/b.png')
  assert str(error.value).startswith('a/b.png ')
  assert f'({len(_BAD[kind])} bytes)' in str(error.value)


@pytest.mark.parametrize('options', [('PNG',), ('JPEG',)])
def test_an_image_that_is_cut_off_anywhere_is_an_error(gray, encode, options):
  whole = encode(gray, *options)
  image_file.decode(whole, 'x')
  for length in range(len(whole)):
    with pytest.raises(ValueError, match='not a readable PNG or JPEG'):
      image_file.decode(whole[:length], 'x')


def test_a_png_with_a_changed_byte_is_an_error(gray, encode):
  whole = encode(gray)
  for place in range(8, len(whole)):
    changed = bytearray(whole)
    changed[place] ^= 0x10
    with pytest.raises(ValueError, match='not a readable PNG or JPEG'):
      image_file.decode(bytes(changed), 'x')


def test_read_returns_the_bytes(tmp_path):
  (tmp_path / 'a.png').write_bytes(b'\0\r\n')
  assert image_file.read(tmp_path / 'a.png') == b'\0\r\n'


def test_reading_a_missing_file_names_it(tmp_path):
  path = tmp_path / 'a.png'
  with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
    image_file.read(path)


def test_what_cannot_be_read_is_an_error_with_its_name(tmp_path):
  (tmp_path / 'a.png').mkdir()
  with pytest.raises(OSError, match=r'a\.png cannot be read \(Is a directory'):
    image_file.read(tmp_path / 'a.png')


def test_a_box_may_fill_the_image():
  image_file.check_box((0, 0, 30, 20), (30, 20), 'x')
  image_file.check_box((29, 19, 30, 20), (30, 20), 'x')


@pytest.mark.parametrize(
  'box',
  [
    (-1, 0, 30, 20),
    (0, -1, 30, 20),
    (0, 0, 31, 20),
    (0, 0, 30, 21),
    (5, 0, 5, 20),
    (0, 9, 30, 8),
  ],
)
def test_a_box_that_is_empty_or_outside_is_an_error(box):
  message = re.escape(f'a.png: the box {box} ') + '.* 30 x 20 pixels'
  with pytest.raises(ValueError, match=message):
    image_file.check_box(box, (30, 20), 'a.png')


@pytest.mark.parametrize(
  ('range_16bit', 'message'),
  [
    ((5, 5), 'expected black, then white'),
    ((4095, 0), 'expected black, then white'),
    ((40_000, 50_000), r'values from 100 to 4000.*nearly of one gray'),
    ((0, 50), r'values from 100 to 4000.*nearly of one gray'),
  ],
)
def test_ranges_that_would_leave_one_colour(encode, range_16bit, message):
  png = encode(np.array([[100, 4000]], np.uint16))
  with pytest.raises(ValueError, match=message):
    image_file.to_plain_gray(png, 'x.png', range_16bit=range_16bit)


def test_sixteen_bits_of_colour_are_refused():
  # Pillow opens them, and keeps the high bytes: 12-bit values turn black.
  row = b'\0' + np.full((1, 3), 4095, '>u2').tobytes()
  png = _png(1, 4, 16, 2, 4 * row)
  with pytest.raises(ValueError, match=r'x\.png is a 16-bit PNG in colour'):
    image_file.to_plain_gray(png, 'x.png')


def test_a_gamma_of_a_colour_png_is_ignored(noise):
  rgb = np.stack([noise(20, 30, seed=seed) for seed in range(3)], axis=-1)
  plain = _save(Image.fromarray(rgb))
  # After the header, 33 bytes; the gamma of sRGB.
  encoded = plain[:33] + _chunk(b'gAMA', struct.pack('>I', 45_455)) + plain[33:]
  gray = preprocess.decode(image_file.to_plain_gray(encoded, 'a.png'))
  np.testing.assert_allclose(gray, _luma(rgb), rtol=0, atol=1)
  # Where decoders take it into account, the gray values are others.
  assert np.abs(_tf_gray(encoded) - _luma(rgb)).max() > 10
