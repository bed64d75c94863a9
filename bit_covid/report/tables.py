# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tables of a report, from the numbers that metrics.json holds."""

from collections.abc import Mapping
from typing import Any

from bit_covid.analysis import metrics
from bit_covid.analysis import operating_points
from bit_covid.analysis import subgroups
from bit_covid.report import blocks

_METHODS = {
  'mean': 'Mean',
  'max': 'Maximum',
  'top_k': 'Mean of top slices',
  'vote': 'Vote',
}
_STAGES = {'none': 'nothing', 'root': 'root: all of it'}

Numbers = Mapping[str, Any]


def overall(splits: Mapping[str, Numbers]) -> blocks.Table:
  """Returns the overall measures of each split."""
  rows = []
  for name, numbers in splits.items():
    found = numbers['slice']
    rows.append(
      blocks.cells(name, f'{found["slices"]:,}', f'{found["patients"]:,}')
      + [blocks.cell(found['measures'][x], x) for x in metrics.OVERALL]
    )
  return blocks.Table(
    'All slices of each split, with 95 % intervals',
    ['Split', 'Slices', 'Patients', *map(_heading, metrics.OVERALL)],
    rows,
  )


def by_class(numbers: Numbers) -> blocks.Table:
  """Returns the measures of each class against the rest."""
  names = numbers['class_names']
  found = numbers['slice']
  counts = found['patients_by_class']
  slices = {
    name: sum(row)
    for name, row in zip(names, numbers['confusion_matrix'], strict=True)
  }
  return blocks.Table(
    'Each class against the rest, with 95 % intervals',
    ['Measure', *names],
    [
      blocks.cells('Slices', *(f'{slices[x]:,}' for x in names)),
      blocks.cells('Patients', *(f'{counts[x]:,}' for x in names)),
      *(
        [blocks.Cell(_heading(measure))]
        + [blocks.cell(found['measures'][measure][x], measure) for x in names]
        for measure in metrics.PER_CLASS
      ),
    ],
  )


def by_patient(numbers: Numbers) -> blocks.Table:
  """Returns the measures of patients, for each way to join their slices."""
  found = numbers['patient']
  rows = [
    [blocks.Cell(_heading(measure))]
    + [blocks.cell(x['measures'][measure], measure) for x in found.values()]
    for measure in metrics.OVERALL
  ]
  rows += [
    [blocks.Cell(_heading(measure).replace(',', f' {name},'))]
    + [
      blocks.cell(x['measures'][measure][name], measure) for x in found.values()
    ]
    for measure in ('sensitivity', 'specificity')
    for name in numbers['class_names']
  ]
  return blocks.Table(
    'A column for each way to join the slices of a patient, with 95 % '
    'intervals',
    ['Measure', *(_METHODS[name] for name in found)],
    rows,
  )


def prevalence(numbers: Numbers) -> blocks.Table:
  """Returns PPV and NPV of each class at the prevalences that were named."""
  found = numbers['prevalence']
  shares = [row['prevalence'] for row in next(iter(found.values()))]
  return blocks.Table(
    'PPV / NPV in percent where this share of the slices is of the class',
    ['Prevalence', *found],
    [
      blocks.cells(
        f'{100 * share:g} %',
        *(
          f'{blocks.share(rows[i]["ppv"], decimals=1)} / '
          f'{blocks.share(rows[i]["npv"], decimals=1)}'
          for rows in found.values()
        ),
      )
      for i, share in enumerate(shares)
    ],
  )


def calibration(numbers: Numbers) -> blocks.Table:
  """Returns the calibration before and after the temperature."""
  found = numbers['calibration']
  columns = {'As predicted': found['before']}
  if found['after']:
    columns[f'Temperature {found["temperature"]:.3f}'] = found['after']
  ece, brier, nll = ('ece', 'brier', 'nll')
  return blocks.Table(
    'Calibration of slices; less is better; with 95 % intervals of the means',
    ['Measure', *columns],
    [
      [
        blocks.Cell(_heading(ece)),
        *(
          # It has none, for the reason that the text gives.
          blocks.Cell(blocks.number(x[ece]['value'], ece))
          for x in columns.values()
        ),
      ],
      *(
        [
          blocks.Cell(_heading(name)),
          *(blocks.cell(x[name], name) for x in columns.values()),
        ]
        for name in (brier, nll)
      ),
    ],
  )


def thresholds(numbers: Numbers) -> blocks.Table:
  """Returns the operating points; one without slices on val says so."""
  found = numbers['operating_points']
  rows = []
  for point in found['points']:
    head = [point['class'], f'{100 * point["wanted_sensitivity"]:g}']
    if 'missing' in point:
      rows.append(blocks.cells(*head, point['missing'], *[''] * 5))
      continue
    rows.append(
      blocks.cells(
        *head,
        f'{point["threshold"]:.4g}',
        blocks.share(point[f'{found["chosen_on"]}_sensitivity']),
      )
      + [blocks.cell(point[x], x) for x in operating_points.MEASURES]
    )
  return blocks.Table(
    'One class against the rest at a threshold on its probability, in percent, '
    'with 95 % intervals',
    [
      'Class',
      'Wanted sensitivity',
      'Threshold',
      f'Sensitivity on {found["chosen_on"]}',
      *(_heading(x).removesuffix(', %') for x in operating_points.MEASURES),
    ],
    rows,
  )


def groups(numbers: Numbers) -> list[blocks.Table]:
  """Returns a table for each kind of subgroup."""
  names = numbers['class_names']
  kinds = dict.fromkeys(group['by'] for group in numbers['subgroups'])
  return [
    blocks.Table(
      f'By {by}, slices, in percent with 95 % intervals',
      [
        by.capitalize(),
        f'Patients ({" / ".join(names)})',
        'Slices',
        'Accuracy',
        *(f'Sensitivity {name}' for name in names),
      ],
      [_group(x, names) for x in numbers['subgroups'] if x['by'] == by],
    )
    for by in kinds
  ]


def _group(group: Numbers, names: list[str]) -> list[blocks.Cell]:
  is_small = group['is_small']
  by_class = ' / '.join(str(group['patients_by_class'][x]) for x in names)
  measures = group['measures']
  return [
    blocks.Cell(group['name'], 'too small to read' if is_small else ''),
    blocks.Cell(f'{group["patients"]:,}', by_class),
    blocks.Cell(f'{group["slices"]:,}'),
    blocks.cell(measures['accuracy'], 'accuracy', is_faint=is_small),
    *(
      blocks.cell(measures['sensitivity'][x], 'sensitivity', is_faint=is_small)
      # Most groups have no patients of some class.
      if group['patients_by_class'][x]
      else blocks.Cell('-', is_faint=True)
      for x in names
    ),
  ]


def energy(found: Numbers) -> blocks.Table:
  """Returns how much of the maps lies in the box, in all and by class."""
  groups = {'All': found['all'], **found['by_class']}
  return blocks.Table(
    'Share of the map that lies in the box, in percent, with 95 % intervals, '
    'and the share of the slice that the box covers',
    [
      'Class',
      'Slices',
      'Patients',
      'Of the map in the box',
      'Of the slice in the box',
    ],
    [
      [
        *blocks.cells(name, f'{group["slices"]:,}', f'{group["patients"]:,}'),
        blocks.cell(group['inside'], 'inside'),
        blocks.Cell(blocks.share(group['area'])),
      ]
      for name, group in groups.items()
    ],
  )


def randomization(found: Numbers) -> blocks.Table:
  """Returns how like the original maps are, by stage."""
  groups = {'All': found['all'], **found['by_class']}
  return blocks.Table(
    'Rank correlation with the original map: 1 the same, 0 unrelated; below '
    'it, from which seed to which',
    ['Randomized from the head to', *groups],
    [
      [
        blocks.Cell(_STAGES.get(stage, stage)),
        *(_similarity(group[stage]) for group in groups.values()),
      ]
      for stage in found['all']
    ],
  )


def _similarity(found: Mapping[str, float]) -> blocks.Cell:
  mean, low, high = (
    # Not -0.00.
    f'{round(found[key], 2) + 0.0:.2f}'
    for key in ('mean', 'low', 'high')
  )
  is_one = found['low'] == found['high']
  return blocks.Cell(mean, '' if is_one else f'{low} to {high}')


def _heading(measure: str) -> str:
  return blocks.HEADINGS[measure]


SMALL_GROUPS = (
  f'Groups of fewer than {subgroups.MIN_PATIENTS} patients are too small to '
  'read: they are shown so that nothing is hidden, in gray.'
)
