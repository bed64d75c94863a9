# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the DICOM objects of a scan have in common; needs the extra `dicom`."""

from typing import Any

import highdicom
from highdicom import coding_schemes
from highdicom import sr
import pydicom

from bit_covid.base import version

NAME = 'bit_covid'
PURPOSE = 'Research use only, not for diagnosis'
# Texts of DICOM's value representation LO have no more characters than this.
# Some readers count bytes.
_LONG_STRING = 64
# The scheme of codes for which the standard has none.
_SCHEME = '99BITCOVID'


def code(value: str, meaning: str) -> sr.CodedConcept:
  """Returns a code of our own; its value has at most 16 characters."""
  return sr.CodedConcept(value, _SCHEME, long_string(meaning))


def long_string(text: str) -> str:
  """Returns a text as DICOM's short texts are: one line, and not too long."""
  text = ''.join(x if x.isprintable() else ' ' for x in text)
  cut = text.replace('\\', ' ').encode()[:_LONG_STRING]
  return cut.decode(errors='ignore').strip()


def object_arguments(series_number: int, description: str) -> dict[str, Any]:
  """Returns arguments of highdicom for a new object in a series of its own.

  Args:
    series_number: of the series in its study.
    description: of the series, shown in lists of series.
  """
  return {
    'series_instance_uid': highdicom.UID(),
    'series_number': series_number,
    'series_description': long_string(description),
    'sop_instance_uid': highdicom.UID(),
    'instance_number': 1,
    'manufacturer': NAME,
    'manufacturer_model_name': NAME,
    'software_versions': version.VERSION,
    'device_serial_number': 'none',
    # UTF-8, as names of classes may be in any script.
    'specific_character_set': 'ISO_IR 192',
    'transfer_syntax_uid': pydicom.uid.ExplicitVRLittleEndian,
    'coding_schemes': [
      coding_schemes.CodingSchemeIdentificationItem(
        designator=_SCHEME, name='Terms of the research software bit_covid'
      )
    ],
  }
