# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Computes the numbers of a report, those of report/metrics.json.

They are plain values for JSON, with None for what is undefined. A part that
could not be computed is `{'missing': 'why'}`. docs/report.md describes each
key.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import tqdm

from bit_covid.analysis import aggregation
from bit_covid.analysis import derived_intervals
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import subgroups
from bit_covid.report import chosen_on_val
from bit_covid.report import values


def collect(
  tables: Mapping[str, pd.DataFrame],
  *,
  metadata: pd.DataFrame | None = None,
  settings: values.Settings = values.DEFAULTS,
) -> values.Json:
  """Returns the numbers of each split from its predictions table.

  Metadata are those of `subgroups.read_metadata`.

  Raises:
    ValueError: a table has no slices, or labels or probabilities are missing.
  """
  for name, table in tables.items():
    try:
      _check(table)
    except ValueError as error:
      raise ValueError(f'{name}: {error}') from error
  known = {}
  if metadata is not None:
    known = {x: subgroups.known(tables[x], metadata) for x in tables}
  found = {}
  for name in tqdm.tqdm(tables, 'Numbers', unit='split', disable=None):
    # Metadata may be of the patients of one split alone, but not of none.
    is_used = known.get(name) or not any(known.values())
    found[name] = _split(name, tables, metadata if is_used else None, settings)
    if metadata is not None:
      found[name]['patients_with_metadata'] = known[name]
  return found


def _check(table: pd.DataFrame) -> None:
  if table.empty:
    raise ValueError(
      'The table holds 0 slices. Evaluate the split again, or remove its file.'
    )
  predictions.check_once(table)
  predictions.labelled(table)


def _split(
  name: str,
  tables: Mapping[str, pd.DataFrame],
  metadata: pd.DataFrame | None,
  settings: values.Settings,
) -> values.Json:
  table = tables[name]
  confusion = metrics.confusion_matrix(table)
  class_names = predictions.class_names(table)
  found = intervals.intervals(table)
  knows_patients = predictions.knows_patients(table)
  return metrics.summary(confusion, class_names) | {
    'slice': {
      'slices': len(table),
      'slices_by_class': subgroups.by_class(table, 'slice_id'),
      'patients_known': knows_patients,
      **_counts(
        table['patient_id'].nunique(),
        subgroups.by_class(table, 'patient_id'),
        is_known=knows_patients,
      ),
      'patients_of_several_classes': (
        subgroups.patients_of_several_classes(table)
      ),
      'measures': values.named(found, class_names),
    },
    'patient': _patients(table),
    'prevalence': _prevalence(found, class_names, settings.prevalences),
    'calibration': chosen_on_val.calibration(name, tables),
    'operating_points': chosen_on_val.operating_points(name, tables),
    'subgroups': [
      group._asdict()
      | _counts(
        group.patients, group.patients_by_class, is_known=knows_patients
      )
      | {'measures': values.named(group.measures, class_names)}
      for group in subgroups.measure(table, metadata)
    ],
  }


def _counts(
  patients: int, by_class: Mapping[str, int], *, is_known: bool
) -> values.Json:
  return {
    'patients': patients if is_known else None,
    'patients_by_class': dict(by_class) if is_known else None,
  }


def _patients(table: pd.DataFrame) -> values.Json:
  """Returns the numbers of patients for each aggregation method."""
  if not predictions.knows_patients(table):
    return {'missing': predictions.PATIENTS_UNKNOWN}
  try:
    by_method = {
      method: aggregation.aggregate_patients(table, method)
      for method in aggregation.METHODS
    }
  except ValueError as error:
    return {'missing': str(error)}
  result = {
    method: {
      'patients': len(part),
      'confusion_matrix': metrics.confusion_matrix(part).tolist(),
      'measures': values.named(
        intervals.intervals(part), predictions.class_names(part)
      ),
    }
    for method, part in by_method.items()
  }
  result['vote']['ties'] = aggregation.tied_votes(table)
  return result


def _prevalence(
  found: Mapping[str, interval_lib.Interval],
  class_names: Sequence[str],
  prevalences: Sequence[float],
) -> values.Json:
  """Returns PPV and NPV of each class at each prevalence."""
  result = {}
  for i, class_name in enumerate(class_names):
    rates = (
      interval_lib.Interval(*(bound[i] for bound in found[name]))
      for name in ('sensitivity', 'specificity')
    )
    columns = {'prevalence': prevalences}
    restated = derived_intervals.predictive_values(
      *rates, np.array(prevalences)
    )
    for name, each in zip(('ppv', 'npv'), restated, strict=True):
      columns |= values.flat(name, each)
    rows = zip(*columns.values(), strict=True)
    result[class_name] = [dict(zip(columns, x, strict=True)) for x in rows]
  return result
