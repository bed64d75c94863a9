# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The probabilities of a scan as a DICOM Structured Report (TID 1500).

Needs the extra `dicom`.
"""

from collections.abc import Sequence

import highdicom
from highdicom import sr
import pydicom
from pydicom.sr import codedict
import pydicom.uid

from bit_covid.base import version
from bit_covid.scoring import scan_result
from bit_covid.scoring.clinic import dicom_terms

_SERIES_NUMBER = 9702
# Digits of a probability; DICOM's decimal strings have 16 characters.
_DIGITS = 6


def make(
  result: scan_result.ScanResult,
  sources: Sequence[pydicom.Dataset],
  *,
  model_name: str,
  notes: Sequence[str],
) -> sr.Comprehensive3DSR:
  """Returns the report; it refers to all images of the scan.

  Args:
    result: of a scan with a predicted class.
    sources: of `source_images.read`.
    model_name: size of the network, such as 'R50x1'.
    notes: what limits the result; they stand among the algorithm's parameters,
      for which alone the template has free text.

  Raises:
    ValueError: highdicom finds the headers wrong.
  """
  report = sr.MeasurementReport(
    observation_context=_context(),
    procedure_reported=codedict.codes.LN.CTUnspecifiedBodyRegion,
    imaging_measurements=[_group(result, sources, model_name, notes)],
    title=codedict.codes.DCM.ImagingMeasurementReport,
  )
  return sr.Comprehensive3DSR(
    evidence=sources,
    content=report,
    is_complete=True,
    **dicom_terms.object_arguments(
      _SERIES_NUMBER, f'{dicom_terms.PURPOSE}: probabilities'
    ),
  )


def _context() -> sr.ObservationContext:
  # One number for each version, as its results are the same on all machines.
  device = pydicom.uid.generate_uid(
    '2.25.', [dicom_terms.NAME, version.VERSION]
  )
  return sr.ObservationContext(
    observer_device_context=sr.ObserverContext(
      observer_type=codedict.codes.DCM.Device,
      observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
        uid=device, name=dicom_terms.NAME, model_name=dicom_terms.NAME
      ),
    )
  )


def _group(
  result: scan_result.ScanResult,
  sources: Sequence[pydicom.Dataset],
  model_name: str,
  notes: Sequence[str],
) -> sr.MeasurementsAndQualitativeEvaluations:
  """Returns the measurements of the scan as a whole."""
  return sr.MeasurementsAndQualitativeEvaluations(
    tracking_identifier=sr.TrackingIdentifier(
      uid=highdicom.UID(), identifier=f'Scan {result.scan.id}'
    ),
    algorithm_id=sr.AlgorithmIdentification(
      name=f'{dicom_terms.NAME} {model_name}',
      version=version.VERSION,
      parameters=[
        f'{dicom_terms.PURPOSE}.',
        f'{scan_result.DEFAULT_AGGREGATION} of {result.num_used} of '
        f'{len(result.slices)} slices',
        *notes,
      ],
    ),
    measurements=_probabilities(result),
    qualitative_evaluations=_evaluations(result),
    source_images=[
      sr.SourceImageForMeasurementGroup(x.SOPClassUID, x.SOPInstanceUID)
      for x in sources
    ],
  )


def _probabilities(result: scan_result.ScanResult) -> list[sr.Measurement]:
  values = result.scan_probabilities[scan_result.DEFAULT_AGGREGATION]
  return [
    sr.Measurement(
      name=dicom_terms.code(f'probability{i}', f'Probability of {name}'),
      value=round(float(value), _DIGITS),
      unit=codedict.codes.UCUM.NoUnits,
    )
    for i, (name, value) in enumerate(
      zip(result.class_names, values, strict=True)
    )
  ]


def _evaluations(
  result: scan_result.ScanResult,
) -> list[sr.QualitativeEvaluation]:
  index = result.class_names.index(result.predicted)
  return [
    sr.QualitativeEvaluation(
      name=dicom_terms.code('purpose', 'Intended use'),
      value=dicom_terms.code('research', dicom_terms.PURPOSE),
    ),
    sr.QualitativeEvaluation(
      name=dicom_terms.code('predicted', 'Most probable class'),
      value=dicom_terms.code(f'class{index}', result.predicted),
    ),
  ]
