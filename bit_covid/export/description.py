# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What lies beside an export: its description, an example and its code."""

from collections.abc import Mapping, Sequence
import datetime
import hashlib
from importlib import metadata as distributions
import json
import pathlib
import platform
from typing import Any

from bit_covid.base import page_templates
from bit_covid.base import version
from bit_covid.export import exportable
from bit_covid.export import jax_compatibility
from bit_covid.export import parity
from bit_covid.export import prepare_slice
from bit_covid.models import ensemble
from input_pipeline import body_crop

_NOTICE = f'{page_templates.DISCLAIMER} It must not be used for diagnosis.'
# Modules that examples import: of all formats, and of one more.
_COPIED = (prepare_slice, body_crop)
_COPIED_FOR = {'stablehlo': (jax_compatibility,)}
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
  name: str,
  *,
  packages: Sequence[str],
  differences: Mapping[str, float],
  sources: Sequence[pathlib.Path],
) -> dict[str, Any]:
  """Returns the content of `preprocessing.json` without the files' digests.

  Args:
    model: what was exported.
    name: of the format.
    packages: names of the distributions whose versions are recorded.
    differences: of `parity.check`.
    sources: files of the networks.
  """
  image = {
    'shape': ['N', model.size, model.size, 1],
    'dtype': 'uint8',
    'meaning': 'gray values; the network takes them to [-1, 1] itself',
  }
  return {
    'notice': _NOTICE,
    'format': name,
    'model': model.model_name,
    'input': {'image': image},
    'outputs': _outputs(model),
    'class_names': list(model.metadata.class_names),
    'temperature': model.metadata.temperature,
    'window_hounsfield': _window(model),
    'preprocessing': dict(model.metadata.preprocessing),
    'steps': _steps(model),
    'largest_difference': dict(differences),
    'tolerance': parity.TOLERANCE,
    'written': datetime.date.today().isoformat(),
    'versions': _versions(packages),
    'sources': [{'name': x.name, 'sha256': _digest(x)} for x in sources],
    'training': dict(model.metadata.facts),
  }


def write(folder: pathlib.Path, description: Mapping[str, Any]) -> None:
  """Writes the description, an example and the code that prepares slices.

  Args:
    folder: of the export, with all of its own files.
    description: of `describe`.
  """
  environment = page_templates.environment(
    pathlib.Path(__file__).parent / 'templates', autoescape=False
  )

  def render(name: str, template: str, **values: Any) -> str:
    text = environment.get_template(template).render(values) + '\n'
    (folder / name).write_text(text, encoding='utf-8')
    return text

  example = render('example.py', f'{description["format"]}.py.j2')
  render('README.md', 'README.md.j2', **description, example=example)
  for copied in (*_COPIED, *_COPIED_FOR.get(description['format'], ())):
    source = pathlib.Path(copied.__file__)
    (folder / source.name).write_bytes(source.read_bytes())
  paths = [path for path in sorted(folder.rglob('*')) if path.is_file()]
  digests = {x.relative_to(folder).as_posix(): _digest(x) for x in paths}
  text = json.dumps({**description, 'files': digests}, indent=2) + '\n'
  (folder / 'preprocessing.json').write_text(text)


def _digest(path: pathlib.Path) -> str:
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()


def _outputs(model: exportable.Exportable) -> dict[str, dict[str, Any]]:
  num_features = ensemble.first(model.model).size.num_features
  num_classes = len(model.metadata.class_names)
  classes = {'shape': ['N', num_classes], 'dtype': 'float32'}
  meaning = (
    'softmax(logits / temperature)'
    if model.metadata.temperature
    else 'softmax(logits); not calibrated, no temperature is known'
  )
  return {
    'logits': classes,
    'probabilities': {**classes, 'meaning': meaning},
    'features': {'shape': ['N', num_features], 'dtype': 'float32'},
  }


def _steps(model: exportable.Exportable) -> list[str]:
  """Returns what to do with a slice, in sentences."""
  preprocessing = model.metadata.preprocessing
  low, high = preprocessing['range_16bit']
  window = _window(model)
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


def _window(model: exportable.Exportable) -> dict[str, float] | None:
  if model.metadata.window is None:
    return None
  center, width = model.metadata.window
  low, high = center - width / 2, center + width / 2
  return {'center': center, 'width': width, 'low': low, 'high': high}


def _versions(packages: Sequence[str]) -> dict[str, str | None]:
  found = {'bit_covid': version.VERSION, 'python': platform.python_version()}
  for package in packages:
    try:
      found[package] = distributions.version(package)
    except distributions.PackageNotFoundError:
      found[package] = None  # Another build, such as tensorflow-cpu.
  return found
