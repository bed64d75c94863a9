# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What lies beside an export: how to feed it, and where it comes from."""

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


def describe(
  model: exportable.Exportable,
  *,
  name: str,
  packages: Sequence[str],
  differences: Mapping[str, float],
  source: pathlib.Path,
) -> dict[str, Any]:
  """Returns the content of `preprocessing.json`, but for the files' digests.

  Args:
    model: what was exported.
    name: of the format.
    packages: distributions whose versions matter for it.
    differences: of `parity.check`.
    source: the checkpoint.
  """
  metadata = model.metadata
  num_classes = len(metadata.class_names)
  return {
    'notice': NOTICE,
    'format': name,
    'model': model.model,
    'input': {
      'image': {
        'shape': ['N', model.size, model.size, 1],
        'dtype': 'uint8',
        'meaning': 'gray values; the network takes them to [-1, 1] itself',
      }
    },
    'outputs': {
      'logits': {'shape': ['N', num_classes], 'dtype': 'float32'},
      'probabilities': {
        'shape': ['N', num_classes],
        'dtype': 'float32',
        'meaning': 'softmax(logits / temperature)'
        if metadata.temperature
        else 'softmax(logits); not calibrated, no temperature is known',
      },
      'features': {
        'shape': ['N', int(model.params['head']['kernel'].shape[0])],
        'dtype': 'float32',
      },
    },
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
    note: what is particular about the format.
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
  shape = ', '.join(map(str, description['input']['image']['shape']))
  measured = ', '.join(
    f'{value:.1e} on {n}'
    for n, value in description['largest_difference'].items()
  )
  versions = ', '.join(
    f'{name} {version}' for name, version in description['versions'].items()
  )
  return f"""# {description['model']} as {description['format']}

**{description['notice']}**

{note}

Classes, in the order of the outputs: {', '.join(description['class_names'])}.

## From a slice to the input

{steps}

The input `image` is uint8 `[{shape}]`, for any N. The outputs:

{outputs}

## Example

`example.py`; besides the runtime it needs NumPy, Pillow and OpenCV.

```python
{example}```

## Where it comes from

- Checkpoint: {description['source']['name']},
  sha256 `{description['source']['sha256']}`.
- Written with {versions}.
- Largest difference from the original (random images): {measured} images;
  allowed were {description['tolerance']:g}.
- `preprocessing.json` has all of this, and the sha256 of every other file,
  for programs.
"""


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
    return None  # Another build of it is here, tensorflow-cpu for instance.
