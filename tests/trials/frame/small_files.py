# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A small file of every format that is read, and of some that are not."""

import bz2
import gzip
import io
import lzma
import pathlib
import tarfile
import warnings
import zipfile

import gdcm
import nibabel
import numpy as np
from PIL import Image
import pydicom
import pydicom.uid

from bit_covid.base import files

# Names of transfer syntaxes, of pydicom and of GDCM.
_PLAIN = {
  'explicit': pydicom.uid.ExplicitVRLittleEndian,
  'implicit': pydicom.uid.ImplicitVRLittleEndian,
  'big-endian': pydicom.uid.ExplicitVRBigEndian,
  'deflated': pydicom.uid.DeflatedExplicitVRLittleEndian,
}
_COMPRESSED = {
  'RLE': 'RLELossless',
  'JPEG lossless': 'JPEGLosslessProcess14_1',
  'JPEG-LS': 'JPEGLSLossless',
  'JPEG 2000': 'JPEG2000Lossless',
  'JPEG of 8 bits': 'JPEGBaselineProcess1',
}
SUFFIXES = {'NIfTI': '.nii', 'NIfTI gz': '.nii.gz', 'zip': '.zip'}
# Formats in which a sum over the content tells whether it is whole.
CHECKED = ('PNG 8', 'PNG 16', 'NIfTI gz', 'zip', 'checkpoint')
# The arrays of the checkpoint.
CHECKPOINT = {
  'x/y': np.random.default_rng(0).standard_normal((3, 5), np.float32),
  'z': np.arange(9, dtype=np.uint8),
}
KINDS = (
  *_PLAIN,
  *_COMPRESSED,
  *('enhanced', 'NIfTI', 'NIfTI gz', 'PNG 8', 'PNG 16', 'JPEG'),
  *('JPEG progressive', 'zip', 'zip of bzip2', 'zip of LZMA', 'zip in zip'),
  *('tar', 'bzip2', 'xz', 'checkpoint'),
)


def make(scratch: pathlib.Path) -> dict[str, bytes]:
  """Returns the content of a file of each format."""
  hounsfield = _slice()
  gray = (np.clip(hounsfield + 1350, 0, 1500) // 6).astype(np.uint8)
  gray[0, :2] = 0, 255
  contents = _dicom(hounsfield, gray, scratch)
  volume = _nifti(hounsfield)
  packed = gzip.compress(volume, mtime=0)
  plain = contents['explicit']
  contents |= {
    'NIfTI': volume,
    'NIfTI gz': packed,
    'PNG 8': _image(gray, 'PNG'),
    'PNG 16': _image(gray.astype(np.uint16) * 257, 'PNG'),
    'JPEG': _image(gray, 'JPEG'),
    'JPEG progressive': _image(gray, 'JPEG', progressive=True),
    'zip': _zip({'a.dcm': plain, 'b/c.png': _image(gray, 'PNG')}),
    'zip of bzip2': _zip({'a.dcm': plain}, zipfile.ZIP_BZIP2),
    'zip of LZMA': _zip({'a.dcm': plain}, zipfile.ZIP_LZMA),
    'zip in zip': _zip({'a.zip': _zip({'a.nii.gz': packed})}),
    'tar': _tar(plain),
    'bzip2': bz2.compress(plain),
    'xz': lzma.compress(plain),
    'checkpoint': _checkpoint(scratch),
  }
  return {kind: contents[kind] for kind in KINDS}


def _slice() -> np.ndarray:
  """Returns a body with two lungs in Hounsfield units, `[40, 48]` int16."""
  y, x = np.mgrid[:40, :48] / 48
  values = np.where((x - 0.5) ** 2 + (y - 0.42) ** 2 < 0.15, 40, -1000)
  for center in (0.32, 0.68):
    values[(x - center) ** 2 + (y - 0.42) ** 2 < 0.015] = -850
  noise = np.random.default_rng(0).integers(-20, 20, values.shape)
  return (values + noise).astype(np.int16)


def _dicom(
  hounsfield: np.ndarray, gray: np.ndarray, scratch: pathlib.Path
) -> dict[str, bytes]:
  path = scratch / 'plain.dcm'
  contents = {}
  stored = (hounsfield + 1024).astype(np.uint16)
  for kind, syntax in _PLAIN.items():
    contents[kind] = dicom(stored, syntax)
  for kind, syntax in _COMPRESSED.items():
    path.write_bytes(dicom(gray if kind == 'JPEG of 8 bits' else stored))
    contents[kind] = _transcoded(path, syntax)
  contents['enhanced'] = dicom(
    np.stack([stored] * 3),
    NumberOfFrames=3,
    PerFrameFunctionalGroupsSequence=[_group(i) for i in range(3)],
  )
  return contents


def dicom(
  stored: np.ndarray,
  syntax: pydicom.uid.UID = pydicom.uid.ExplicitVRLittleEndian,
  **tags: object,
) -> bytes:
  """Returns a file of a CT slice with these stored values and other tags."""
  dataset = pydicom.Dataset()
  dataset.file_meta = pydicom.dataset.FileMetaDataset()
  dataset.file_meta.TransferSyntaxUID = syntax
  order = stored.dtype.newbyteorder('<' if syntax.is_little_endian else '>')
  bits = 8 * stored.dtype.itemsize
  for name, value in {
    'SOPClassUID': pydicom.uid.CTImageStorage,
    'SOPInstanceUID': '1.2.3.4',
    'StudyInstanceUID': '1.2',
    'SeriesInstanceUID': '1.2.3',
    'PatientID': 'secret-17',
    'Modality': 'CT',
    'ImageType': ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    'InstanceNumber': 1,
    'PixelSpacing': [0.7, 0.7],
    'ImagePositionPatient': [0, 0, 0],
    'ImageOrientationPatient': [1, 0, 0, 0, 1, 0],
    'RescaleSlope': 1,
    'RescaleIntercept': -1024,
    'Rows': stored.shape[-2],
    'Columns': stored.shape[-1],
    'SamplesPerPixel': 1,
    'PhotometricInterpretation': 'MONOCHROME2',
    'BitsAllocated': bits,
    'BitsStored': bits,
    'HighBit': bits - 1,
    'PixelRepresentation': 0,
    'PixelData': stored.astype(order).tobytes(),
    **tags,
  }.items():
    setattr(dataset, name, value)
  dataset['PixelData'].VR = 'OW'
  buffer = io.BytesIO()
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    dataset.save_as(buffer, enforce_file_format=True)
  return buffer.getvalue()


def _group(number: int) -> pydicom.Dataset:
  group, position = pydicom.Dataset(), pydicom.Dataset()
  position.ImagePositionPatient = [0, 0, -2.5 * number]
  group.PlanePositionSequence = [position]
  return group


def _transcoded(path: pathlib.Path, syntax: str) -> bytes:
  reader, change = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax()
  reader.SetFileName(str(path))
  number = getattr(gdcm.TransferSyntax, syntax)
  change.SetTransferSyntax(gdcm.TransferSyntax(number))
  assert reader.Read()
  change.SetInput(reader.GetImage())
  assert change.Change()
  writer = gdcm.ImageWriter()
  writer.SetFileName(str(path))
  writer.SetFile(reader.GetFile())
  writer.SetImage(change.GetOutput())
  assert writer.Write()
  return path.read_bytes()


def _nifti(hounsfield: np.ndarray) -> bytes:
  data = np.stack([hounsfield] * 3)[::-1, ::-1, ::-1].transpose(2, 1, 0)
  image = nibabel.Nifti1Image(data, np.diag([0.7, 0.7, 2.5, 1]))
  image.set_sform(image.affine, code=1)
  return image.to_bytes()


def _image(pixels: np.ndarray, kind: str, **options) -> bytes:
  buffer = io.BytesIO()
  Image.fromarray(pixels).save(buffer, kind, **options)
  return buffer.getvalue()


def _zip(
  members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, 'w', method) as file:
    for name, content in members.items():
      file.writestr(zipfile.ZipInfo(name), content, method)
  return buffer.getvalue()


def _tar(content: bytes) -> bytes:
  buffer = io.BytesIO()
  with tarfile.open(fileobj=buffer, mode='w') as file:
    info = tarfile.TarInfo('a.dcm')
    info.size = len(content)
    file.addfile(info, io.BytesIO(content))
  return buffer.getvalue()


def _checkpoint(scratch: pathlib.Path) -> bytes:
  files.write_npz(scratch / 'a.npz', CHECKPOINT)
  return (scratch / 'a.npz').read_bytes()
