# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What --nifti, --dicom and --key of `bit_covid.predict` add to its results."""

import argparse
from collections.abc import Callable
import sys
from typing import Any, NamedTuple

from bit_covid.base import lines
from bit_covid.inference import network as network_lib
from bit_covid.scoring import output
from bit_covid.scoring import scan_result
from bit_covid.scoring.clinic import dicom_objects
from bit_covid.scoring.clinic import nifti_map
from bit_covid.scoring.clinic import patient_key
from bit_covid.scoring.clinic import source_images
from input_pipeline import scans


class Written(NamedTuple):
  """Lines to print on the files of a scan, and whether none is missing."""

  texts: list[str]
  is_complete: bool = True


class ClinicFiles:
  """Writes the files that were asked for, each after its scan was scored.

  Attributes:
    is_possible: whether they can be written for all scans.
  """

  def __init__(
    self,
    arguments: argparse.Namespace,
    found: scans.Found,
    network: network_lib.Network,
    *,
    is_quiet: bool = False,
  ):
    """Says for which scans they cannot be written, before any is scored.

    Args:
      arguments: with `nifti`, `dicom`, `key` and `output`.
      found: of an open `scans.find`.
      network: that scores the scans.
      is_quiet: do not say it, as another process does.

    Raises:
      ValueError: they can be written for none.
    """
    self.is_possible = True
    self._is_quiet = is_quiet
    self._arguments = arguments
    self._network = network
    self._ids = {
      flag: self._writable(flag, check, found)
      for flag, check, is_asked in (
        ('--nifti', lambda scan: scan.grid(), arguments.nifti),
        ('--dicom', _check_dicom, arguments.dicom),
      )
      if is_asked
    }
    self._key = patient_key.rows(found) if arguments.key else []

  def write(self, result: scan_result.ScanResult) -> Written:
    """Returns what is to be said, after writing the files of a scan."""
    if result.predicted is None:
      return Written([], not self._ids)
    texts, is_complete = [], True
    if result.scan.id in self._ids.get('--nifti', ()):
      paths = nifti_map.write(self._arguments.output, result)
      texts.append(f'  NIfTI maps: {", ".join(x.name for x in paths)}')
    if result.scan.id in self._ids.get('--dicom', ()):
      text, is_complete = self._write_dicom(result)
      texts.append(text)
    return Written(texts, is_complete)

  def write_key(self) -> None:
    """Writes the key if it was asked for, and says what it and --dicom hold."""
    if self._arguments.key:
      patient_key.write(self._arguments.key, self._key)
      lines.say(
        f'Key: {self._arguments.key} names the patients; keep it apart from '
        'the results.'
      )
    if self._arguments.dicom:
      lines.say(
        f'DICOM objects: {self._arguments.dicom} names the patients, as their '
        'images do; research use only.'
      )

  def _writable(
    self, flag: str, check: Callable[[scans.Scan], Any], found: scans.Found
  ) -> set[str]:
    """Returns the ids of the scans that pass a check, and says of the others.

    Raises:
      ValueError: there are scans, and none passes.
    """
    problems = {}
    for scan in found.scans:
      try:
        check(scan)
      except ValueError as error:
        problems[scan.id] = f'{flag} is not possible for {scan.name}: {error}'
    if problems and len(problems) == len(found.scans):
      raise ValueError(f'{next(iter(problems.values()))}.')
    if not self._is_quiet:
      for text in problems.values():
        lines.say(f'{text}.', sys.stderr)
    self.is_possible &= not problems
    return {x.id for x in found.scans} - set(problems)

  def _write_dicom(self, result: scan_result.ScanResult) -> tuple[str, bool]:
    """Returns the line to print, and whether DICOM objects were written."""
    try:
      paths = dicom_objects.write(
        self._arguments.dicom,
        result,
        model_name=self._network.model_name,
        notes=output.cautions(self._network),
      )
    except ValueError as error:
      return f'  No DICOM objects: {error}', False
    return f'  DICOM objects: {", ".join(x.name for x in paths)}', True


def _check_dicom(scan: scans.Scan) -> None:
  source_images.read(scan)
  scan.grid()
