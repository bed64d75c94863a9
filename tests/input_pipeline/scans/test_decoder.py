# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The process that decodes: its limits, and what is read after it ended."""

import io

import numpy as np
from PIL import Image
import pydicom
import pydicom.encaps
import pydicom.uid
import pytest

from input_pipeline import scans
from input_pipeline.scans import decoder
from input_pipeline.scans import limits


class _Interrupted:
  """A stream whose user presses Ctrl+C while it is read."""

  def __init__(self, stream):
    self.close = stream.close

  def readline(self):
    raise KeyboardInterrupt


@pytest.fixture
def series(tmp_path, chest, write_dicom, transcode):
  """Two slices, the second as JPEG; returns the path of the first."""
  for number in range(2):
    tags = {'ImagePositionPatient': [0, 0, -number], 'InstanceNumber': number}
    path = write_dicom(tmp_path / f'{number}.dcm', chest(64), **tags)
    transcode(path, path, 'JPEGLosslessProcess14_1')
  yield tmp_path / '0.dcm'
  # Not with the limits of a test.
  decoder._decoder.stop()


def _read(path):
  """Returns the right gray values, or why a slice is not read, of each."""
  results = []
  with scans.find(path.parent) as found:
    for each in (x for scan in found.scans for x in scan.slices):
      try:
        results.append(each.read().gray)
      except scans.UnreadableError as error:
        results.append(error.reason)
  return results


def _replace_pixels(path, image, syntax, **options):
  buffer = io.BytesIO()
  image.save(buffer, **options)
  content = buffer.getvalue()
  if options.get('progressive'):
    last = content[content.rindex(b'\xff\xda') : -2]
    content = content[:-2] + 3000 * last + content[-2:]
  dataset = pydicom.dcmread(path)
  dataset.Rows, dataset.Columns = image.height, image.width
  dataset.BitsAllocated = dataset.BitsStored = 8 if image.mode == 'L' else 16
  dataset.HighBit = dataset.BitsStored - 1
  dataset.file_meta.TransferSyntaxUID = syntax
  dataset.PixelData = pydicom.encaps.encapsulate([content])
  dataset.save_as(path)


def test_a_decoder_over_its_time_is_ended(series, chest, to_gray, monkeypatch):
  monkeypatch.setattr(limits, 'DECODING_SECONDS', 0.2)
  image = Image.fromarray(np.full((1024, 1024), 128, np.uint8))
  _replace_pixels(
    series,
    image,
    pydicom.uid.JPEGBaseline8Bit,
    format='JPEG',
    progressive=True,
  )
  slow, right = _read(series)
  assert slow.startswith('decoding it takes more than 0.2 s')
  np.testing.assert_array_equal(right, to_gray(chest(64)))


def test_a_decoder_gets_no_more_memory_than_it_may(
  series, chest, to_gray, monkeypatch
):
  image = Image.fromarray(np.full((2048, 2048), 128, np.uint16))
  _replace_pixels(
    series, image, pydicom.uid.JPEG2000Lossless, format='JPEG2000'
  )
  assert _read(series)[0].shape == (2048, 2048)
  decoder._decoder.stop()
  monkeypatch.setattr(limits, 'DECODER_BYTES', 16 << 20)
  large, right = _read(series)
  assert 'cannot be unpacked' in large
  np.testing.assert_array_equal(right, to_gray(chest(64)))


def test_slices_that_are_slow_share_the_time_of_a_call(series, monkeypatch):
  seconds = []

  def decode(request):
    seconds.append(request['seconds'])
    raise decoder.TooSlowError

  monkeypatch.setattr(decoder._decoder, 'decode', decode)
  monkeypatch.setattr(limits, 'CALL_SECONDS', 7.0)
  with scans.find(series.parent) as found:
    for _ in range(3):
      with pytest.raises(scans.UnreadableError, match='more than'):
        found.scans[0].slices[0].read()
  assert seconds == [5, 4, 1]


def test_after_an_interrupt_the_next_slice_gets_its_own_answer(
  series, chest, to_gray, monkeypatch
):
  with scans.find(series) as found:
    (each,) = found.scans[0].slices
    each.read()
    process = decoder._decoder._process
    monkeypatch.setattr(process, 'stdout', _Interrupted(process.stdout))
    with pytest.raises(KeyboardInterrupt):
      each.read()
    assert process.poll() is not None
    np.testing.assert_array_equal(each.read().gray, to_gray(chest(64)))
