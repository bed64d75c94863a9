# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""DICOM files under other transfer syntaxes, written by GDCM."""

from collections.abc import Callable
import pathlib

import gdcm
import pytest


@pytest.fixture(scope='session')
def transcode() -> Callable[..., pathlib.Path]:
  """Writes a DICOM file under a syntax, such as 'JPEGLSLossless' of GDCM."""

  def write(
    source: pathlib.Path, target: pathlib.Path, syntax: str
  ) -> pathlib.Path:
    reader, change = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax()
    reader.SetFileName(str(source))
    assert reader.Read()
    number = getattr(gdcm.TransferSyntax, syntax)
    change.SetTransferSyntax(gdcm.TransferSyntax(number))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target

  return write
