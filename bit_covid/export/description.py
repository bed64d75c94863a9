# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The description beside an export: preprocessing, outputs and origin."""

from collections.abc import Mapping, Sequence
import hashlib
from importlib import metadata as distributions
import pathlib
import platform
from typing import Any

from bit_covid.base import version
from bit_covid.export import exportable
from bit_covid.export import parity

NOTICE = (
  'Research software, not a medical device. It must not be used for diagnosis.'
)

_BOXES = {
  'annotated': (
    'Crop to the annotated box of the body; where there is none, to the '
    'automatic one (body_crop.py).'
  ),
  'automatic': 'Crop to the automatic box of the body (body_crop.py).',
  'none': 'Take the whole image.',
}

_README = """\
# {model} as {format}

**{notice}**

{note}

Classes, in the order of the outputs: {classes}.

## From a slice to the input

{numbered_steps}

The input `image` is uint8 `[{shape}]`, for any N. The outputs:

{listed_outputs}

The temperature of the calibration: {temperature_text}.

## Example

`example.py`; besides the runtime it needs NumPy, Pillow and OpenCV.

```python
{example}```

## Where it comes from

- Checkpoint: {source[name]},
  sha256 `{source[sha256]}`.
- Written with {listed_versions}.
- Largest difference from the original (random images): {measured} images;
  allowed were {tolerance:g}.
- `preprocessing.json` has all of this, and the sha256 of every other file,
  for programs.
"""


def describe(
  model: exportable.Exportable,
  *,
  name: str,
  packages: Sequence[str],
  differences: Mapping[str, float],
  source: pathlib.Path,
) -> dict[str, Any]:
  """Returns the content of `preprocessing.json` without the files' digests.

  Args:
    model: what was exported.
    name: of the format.
    packages: names of the distributions whose versions are recorded.
    differences: of `parity.check`.
    source: file of the checkpoint.
  """
  metadata = model.metadata
  return {
    'notice': NOTICE,
    'format': name,
    'model': model.model_name,
    'input': {
      'image': {
        'shape': ['N', model.size, model.size, 1],
        'dtype': 'uint8',
        'meaning': 'gray values; the network takes them to [-1, 1] itself',
      }
    },
    'outputs': _outputs(model),
    'class_names': list(metadata.class_names),
    'temperature': metadata.temperature,
    'window_hounsfield': _window(metadata.window),
    'preprocessing': dict(metadata.preprocessing),
    'steps': _steps(model),
    'largest_difference': dict(differences),
    'tolerance': parity.TOLERANCE,
    'versions': {
      'bit_covid': version.VERSION,
      'python': platform.python_version(),
      **{package: _version(package) for package in packages},
    },
    'source': {'name': source.name, 'sha256': digest(source)},
    'training': dict(metadata.facts),
  }


def digests(folder: pathlib.Path) -> dict[str, str]:
  """Returns the sha256 of every file in a folder by its path in it."""
  return {
    path.relative_to(folder).as_posix(): digest(path)
    for path in sorted(folder.rglob('*'))
    if path.is_file()
  }


def digest(path: pathlib.Path) -> str:
  """Returns the sha256 of a file in hexadecimal digits."""
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()


def readme(description: Mapping[str, Any], *, note: str, example: str) -> str:
  """Returns the content of README.md.

  Args:
    description: of `describe`.
    note: text on this format.
    example: the program in `example.py`.
  """
  steps = '\n'.join(
    f'{i}. {step}' for i, step in enumerate(description['steps'], 1)
  )
  outputs = '\n'.join(
    f'- `{name}` float32 `[{", ".join(map(str, value["shape"]))}]`'
    + (f': {value["meaning"]}' if 'meaning' in value else '')
    for name, value in description['outputs'].items()
  )
  measured = ', '.join(
    f'{value:.1e} on {n}'
    for n, value in description['largest_difference'].items()
  )
  versions = ', '.join(
    f'{name} {version}' for name, version in description['versions'].items()
  )
  temperature = description['temperature']
  return _README.format(
    **description,
    note=note,
    example=example,
    classes=', '.join(description['class_names']),
    numbered_steps=steps,
    shape=', '.join(map(str, description['input']['image']['shape'])),
    listed_outputs=outputs,
    temperature_text='not known' if temperature is None else temperature,
    measured=measured,
    listed_versions=versions,
  )


def _outputs(model: exportable.Exportable) -> dict[str, dict[str, Any]]:
  num_classes = len(model.metadata.class_names)
  num_features = int(model.params['head']['kernel'].shape[0])
  meaning = (
    'softmax(logits / temperature)'
    if model.metadata.temperature
    else 'softmax(logits); not calibrated, no temperature is known'
  )
  return {
    'logits': {'shape': ['N', num_classes], 'dtype': 'float32'},
    'probabilities': {
      'shape': ['N', num_classes],
      'dtype': 'float32',
      'meaning': meaning,
    },
    'features': {'shape': ['N', num_features], 'dtype': 'float32'},
  }


def _steps(model: exportable.Exportable) -> list[str]:
  preprocessing = model.metadata.preprocessing
  low, high = preprocessing['range_16bit']
  window = _window(model.metadata.window)
  if window is None:
    gray = (
      'Take the slice as 8-bit gray under the window of the training images; '
      'which one that was in Hounsfield units is not known.'
    )
  else:
    gray = (
      'Take the slice as 8-bit gray: '
      f'{window["low"]:g} HU and less are 0, {window["high"]:g} HU and more '
      'are 255, linear between.'
    )
  if preprocessing['antialias']:
    smoothing = 'smoothed where it shrinks (antialias)'
  else:
    smoothing = 'without antialiasing, which most libraries do by default'
  return [
    f'{gray} In 16-bit images {low} becomes 0 and {high} becomes 255.',
    _BOXES[preprocessing['box']],
    f'Resize to {model.size} x {model.size} without regard to the aspect: '
    f'bilinear, pixel centers at half numbers, {smoothing}; round to uint8.',
    'Nothing more: the network takes 0 to 255 to [-1, 1] itself.',
  ]


def _window(window: tuple[float, float] | None) -> dict[str, float] | None:
  if window is None:
    return None
  center, width = window
  return {
    'center': center,
    'width': width,
    'low': center - width / 2,
    'high': center + width / 2,
  }


def _version(package: str) -> str | None:
  try:
    return distributions.version(package)
  except distributions.PackageNotFoundError:
    return None  # Another build is installed, such as tensorflow-cpu.
