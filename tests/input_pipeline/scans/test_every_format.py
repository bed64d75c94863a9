# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Any drawn series comes back as the same Hounsfield values in every format.

The values of the slices are noise, so that no two pixels can be exchanged
without a difference. What is expected comes from NumPy in float64.
`BIT_COVID_EXAMPLES` sets the number of drawn series for each test.
"""

import gzip
import os
import pathlib
import tempfile
import warnings
import zipfile

import hypothesis
from hypothesis import strategies as st
import nibabel
import numpy as np
from PIL import Image
import pydicom
import pydicom.uid
import pytest

from input_pipeline import scans

_SETTINGS = hypothesis.settings(
  max_examples=int(os.environ.get('BIT_COVID_EXAMPLES', '12')),
  deadline=None,
  # The same series in each run, so that a failure can be repeated.
  derandomize=True,
  database=None,
)
_SYNTAXES = {
  'implicit': pydicom.uid.ImplicitVRLittleEndian,
  'explicit': pydicom.uid.ExplicitVRLittleEndian,
  'big-endian': pydicom.uid.ExplicitVRBigEndian,
  'deflated': pydicom.uid.DeflatedExplicitVRLittleEndian,
}
_COMPRESSIONS = {
  'RLE': 'RLELossless',
  'JPEG-LS': 'JPEGLSLossless',
  'JPEG 2000': 'JPEG2000Lossless',
  'JPEG lossless': 'JPEGLosslessProcess14_1',
}
_windows = st.tuples(st.integers(-800, 200), st.integers(100, 2000))
_seeds = st.integers(0, 2**32 - 1)
_sides = st.tuples(st.integers(16, 40), st.integers(16, 40))


def _expected(hounsfield, window):
  center, width = window
  share = (hounsfield.astype(np.float64) - center + width / 2) / width
  return (255 * np.clip(share, 0, 1)).astype(np.uint8)


def _noise(seed, shape, *, low=-1024, high=1500):
  generator = np.random.default_rng(seed)
  values = generator.integers(low, high, shape)
  # A volume without air would be taken for another kind of image.
  values[..., 0, 0] = low
  return values


def _dataset(stored, *, intercept, slope, number, series):
  """Returns a CT slice of stored values whose place is its number."""
  dataset = pydicom.Dataset()
  dataset.file_meta = pydicom.dataset.FileMetaDataset()
  bits = 8 * stored.dtype.itemsize
  for name, value in {
    'SOPClassUID': pydicom.uid.CTImageStorage,
    'SOPInstanceUID': pydicom.uid.generate_uid(),
    'StudyInstanceUID': series,
    'SeriesInstanceUID': series,
    'PatientID': 'secret-17',
    'Modality': 'CT',
    'ImageType': ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    'PixelSpacing': [0.7, 0.7],
    'ImagePositionPatient': [0, 0, -2.5 * number],
    'ImageOrientationPatient': [1, 0, 0, 0, 1, 0],
    'RescaleSlope': slope,
    'RescaleIntercept': intercept,
    'Rows': stored.shape[0],
    'Columns': stored.shape[1],
    'SamplesPerPixel': 1,
    'PhotometricInterpretation': 'MONOCHROME2',
    'BitsAllocated': bits,
    'BitsStored': bits,
    'HighBit': bits - 1,
    'PixelRepresentation': int(stored.dtype.kind == 'i'),
  }.items():
    setattr(dataset, name, value)
  return dataset


def _write(dataset, stored, path, syntax):
  order = '>' if syntax == 'big-endian' else '<'
  dataset.file_meta.TransferSyntaxUID = _SYNTAXES[syntax]
  dataset.PixelData = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
  dataset['PixelData'].VR = 'OW'
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    dataset.save_as(path, enforce_file_format=True)


def _read(paths, window):
  """Returns each scan's positions and gray values; nothing may be refused."""
  with scans.find(paths, window=window) as found:
    assert not found.refused, found.refused
    return [
      [(each.position, each.read().gray) for each in scan.slices]
      for scan in found.scans
    ]


def _assert_read(paths, hounsfield, window):
  (slices,) = _read(paths, window)
  np.testing.assert_array_equal(
    [gray for _, gray in slices], _expected(hounsfield, window)
  )


def _series(folder, seed, sides, count, *, syntax='explicit', signed=False):
  """Writes a series and returns its files and Hounsfield units."""
  hounsfield = _noise(seed, (count, *sides))
  stored = hounsfield.astype(np.int16)
  intercept = 0
  if not signed:
    stored, intercept = (hounsfield + 1024).astype(np.uint16), -1024
  series = pydicom.uid.generate_uid(entropy_srcs=[str(seed)])
  paths = []
  for number, each in enumerate(stored):
    dataset = _dataset(
      each, intercept=intercept, slope=1, number=number, series=series
    )
    paths.append(folder / f'{number}.dcm')
    _write(dataset, each, paths[-1], syntax)
  return paths, hounsfield


@pytest.mark.parametrize('syntax', [*_SYNTAXES, *_COMPRESSIONS])
@_SETTINGS
@hypothesis.given(_seeds, _sides, st.integers(1, 4), _windows, st.booleans())
def test_dicom(transcode, syntax, seed, sides, count, window, signed):
  with tempfile.TemporaryDirectory() as name:
    written = syntax if syntax in _SYNTAXES else 'explicit'
    paths, hounsfield = _series(
      pathlib.Path(name), seed, sides, count, syntax=written, signed=signed
    )
    if syntax in _COMPRESSIONS:
      for path in paths:
        transcode(path, path, _COMPRESSIONS[syntax])
    _assert_read(name, hounsfield, window)


@_SETTINGS
@hypothesis.given(
  _seeds,
  _windows,
  st.sampled_from([0.5, 1, 1.5, 2]),
  st.integers(-1100, -900),
  st.booleans(),
)
def test_rescaled_dicom(seed, window, slope, intercept, signed):
  kind = np.int16 if signed else np.uint16
  stored = _noise(seed, (20, 24), low=0, high=1200).astype(kind)
  with tempfile.TemporaryDirectory() as name:
    dataset = _dataset(
      stored, intercept=intercept, slope=slope, number=0, series='1.2.3'
    )
    _write(dataset, stored, pathlib.Path(name, 'a'), 'implicit')
    hounsfield = stored[np.newaxis].astype(np.float64) * slope + intercept
    _assert_read(name, hounsfield, window)


@_SETTINGS
@hypothesis.given(_seeds, _sides, st.integers(2, 5), _windows, st.randoms())
def test_frames_of_an_enhanced_file(seed, sides, count, window, random):
  hounsfield = _noise(seed, (count, *sides))
  order = list(range(count))
  random.shuffle(order)
  stored = (hounsfield + 1024).astype(np.uint16)[order]
  dataset = _dataset(stored[0], intercept=0, slope=1, number=0, series='1.2.3')
  dataset.SOPClassUID = pydicom.uid.EnhancedCTImageStorage
  dataset.NumberOfFrames = count
  del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
  del dataset.RescaleSlope, dataset.RescaleIntercept
  groups = []
  for number in order:
    group, position, scale = (pydicom.Dataset() for _ in range(3))
    position.ImagePositionPatient = [0, 0, -2.5 * number]
    scale.RescaleSlope, scale.RescaleIntercept = 1, -1024
    scale.RescaleType = 'HU'
    group.PlanePositionSequence = [position]
    group.PixelValueTransformationSequence = [scale]
    groups.append(group)
  plane = pydicom.Dataset()
  plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
  shared = pydicom.Dataset()
  shared.PlaneOrientationSequence = [plane]
  dataset.SharedFunctionalGroupsSequence = [shared]
  dataset.PerFrameFunctionalGroupsSequence = groups
  with tempfile.TemporaryDirectory() as name:
    _write(dataset, stored, pathlib.Path(name, 'enhanced'), 'explicit')
    _assert_read(name, hounsfield, window)


@_SETTINGS
@hypothesis.given(_seeds, st.integers(2, 5), st.randoms(), st.data())
def test_names_order_and_packing_change_nothing(seed, count, random, data):
  window = (-600, 1500)
  with tempfile.TemporaryDirectory() as name:
    source, target = pathlib.Path(name, 'source'), pathlib.Path(name, 'target')
    source.mkdir(), target.mkdir()
    paths, hounsfield = _series(source, seed, (16, 24), count)
    places = []
    for number in random.sample(range(10_000), count):
      folder = target / data.draw(st.sampled_from(['.', 'a', 'b/c']))
      folder.mkdir(parents=True, exist_ok=True)
      ending = data.draw(st.sampled_from(['', '.dcm', '.IMA', '.001', '.5.7']))
      places.append(folder / f'{number}{ending}')
    for path, place in zip(paths, places, strict=True):
      place.write_bytes(path.read_bytes())
    random.shuffle(places)
    _assert_read(target, hounsfield, window)
    _assert_read(places, hounsfield, window)
    half = count // 2
    archives = [pathlib.Path(name, f'{i}.zip') for i in range(2)]
    for archive, members in zip(
      archives, (places[:half], places[half:]), strict=True
    ):
      with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as file:
        for member in members:
          file.write(member, member.relative_to(target))
    _assert_read(archives, hounsfield, window)


@_SETTINGS
@hypothesis.given(
  _seeds,
  st.sampled_from(['u1', 'i2', 'u2', 'i4', 'u4', 'f4', 'f8']),
  st.sampled_from('<>'),
  st.sampled_from(['sform', 'qform', 'both']),
  st.sampled_from(['RAS', 'LPS', 'LAI', 'SPL', 'ASR', 'PIR']),
  st.sampled_from(['.nii', '.nii.gz']),
  _windows,
)
def test_nifti(seed, dtype, order, forms, codes, ending, window):
  stored = _noise(seed, (3, 20, 16), low=0, high=250 if dtype == 'u1' else 2500)
  slope, intercept = (8, -1024) if dtype == 'u1' else (1, -1024)
  # Left to right, back to front, feet to head.
  data = stored[::-1, ::-1, ::-1].transpose(2, 1, 0)
  affine = np.diag([0.7, 0.7, 2.5, 1])
  turn = nibabel.orientations.ornt_transform(
    nibabel.orientations.axcodes2ornt('RAS'),
    nibabel.orientations.axcodes2ornt(codes),
  )
  turned = nibabel.Nifti1Image(data.astype('i4'), affine).as_reoriented(turn)
  header = nibabel.Nifti1Header(endianness=order)
  header.set_data_dtype(np.dtype(order + dtype))
  values = np.asarray(turned.dataobj).astype(order + dtype)
  image = nibabel.Nifti1Image(values, turned.affine, header)
  image.set_sform(turned.affine, code=int(forms != 'qform'))
  image.set_qform(turned.affine, code=int(forms != 'sform'))
  image.header.set_slope_inter(slope, intercept)
  image.header.set_data_offset(352)
  # Not by `nibabel.save`, which would choose a scaling of its own.
  content = image.header.binaryblock + bytes(4) + values.tobytes(order='F')
  with tempfile.TemporaryDirectory() as name:
    path = pathlib.Path(name, f'a{ending}')
    packed = gzip.compress(content) if ending.endswith('.gz') else content
    path.write_bytes(packed)
    _assert_read(path, stored * slope + intercept, window)


@pytest.mark.parametrize('bits', [8, 16])
@_SETTINGS
@hypothesis.given(_seeds, _sides)
def test_png_holds_gray_values(bits, seed, sides):
  generator = np.random.default_rng(seed)
  gray = generator.integers(0, 256, (3, *sides)).astype(np.uint8)
  # The whole range, so that it is known which value is white.
  gray[:, 0, :2] = 0, 255
  with tempfile.TemporaryDirectory() as name:
    for number, each in enumerate(gray):
      pixels = each if bits == 8 else each.astype(np.uint16) * 257
      Image.fromarray(pixels).save(pathlib.Path(name, f'{number}.png'))
    (slices,) = _read(name, (-600, 1500))
  np.testing.assert_array_equal([each for _, each in slices], gray)


@_SETTINGS
@hypothesis.given(_seeds, _sides)
def test_jpeg_is_decoded_as_pillow_does(seed, sides):
  smooth = np.random.default_rng(seed).normal(size=sides).cumsum(0).cumsum(1)
  gray = np.clip(128 + 4 * smooth, 0, 255).astype(np.uint8)
  with tempfile.TemporaryDirectory() as name:
    path = pathlib.Path(name, 'a.jpg')
    Image.fromarray(gray).save(path, quality=95)
    (((_, actual),),) = _read(path, (-600, 1500))
    with Image.open(path) as image:
      expected = np.asarray(image)
  # Decoders may differ in how they round.
  assert np.abs(actual.astype(int) - expected).max() <= 1
