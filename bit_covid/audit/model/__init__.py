# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Audits a trained network: what its results rest on.

A check is a module with a function `check(subject) -> finding.Finding`.
"""

from collections.abc import Callable, Mapping
import types

import tqdm

from bit_covid.audit import finding
from bit_covid.audit.model import calibration_shift
from bit_covid.audit.model import external_data
from bit_covid.audit.model import labels_left_out
from bit_covid.audit.model import looks_at_test
from bit_covid.audit.model import matched_position
from bit_covid.audit.model import nearest_training_picture
from bit_covid.audit.model import patients_behind
from bit_covid.audit.model import perturbations
from bit_covid.audit.model import random_labels
from bit_covid.audit.model import site_fingerprint
from bit_covid.audit.model import sources_left_out
from bit_covid.audit.model import subject as subject_lib
from bit_covid.audit.model import unfamiliar_scans

SOURCES, LABELS = 'Sources left out', 'Labels left out'
CHECKS: Mapping[str, Callable[[subject_lib.Subject], finding.Finding]] = (
  types.MappingProxyType(
    {
      'Patients behind the training': patients_behind.check,
      'Evaluations on test': looks_at_test.check,
      external_data.NAME: external_data.check,
      'Slices of matched position': matched_position.check,
      'Calibration on the judged split': calibration_shift.check,
      'The most similar training slice': nearest_training_picture.check,
      'Covered slices': perturbations.check,
      'The source in the features': site_fingerprint.check,
      SOURCES: sources_left_out.check,
      LABELS: labels_left_out.check,
      'Scans unlike the training': unfamiliar_scans.check,
      'Random labels': random_labels.check,
    }
  )
)


def audit_model(subject: subject_lib.Subject) -> list[finding.Finding]:
  """Returns the findings of all checks of a network."""
  bar = tqdm.tqdm(CHECKS, 'Checks of the network', unit='check', disable=None)
  return [run(name, subject) for name in bar]


def run(name: str, subject: subject_lib.Subject) -> finding.Finding:
  """Returns the finding of one check."""
  return CHECKS[name](subject)._replace(check=name)
