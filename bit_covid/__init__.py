# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""COVID-19 detection in chest CT slices with Big Transfer, in JAX.

    import bit_covid
    classifier = bit_covid.load('runs/demo')
    table = classifier.predict(['scan/0001.png', 'scan/0002.png'])

Research software, not a medical device.
"""

from typing import TYPE_CHECKING, Any

from bit_covid.base import import_path
from bit_covid.base import moved
from bit_covid.base import project
from bit_covid.base import version

if TYPE_CHECKING:
  from bit_covid.classifier import Classifier

__version__ = version.VERSION

project.check_python()
import_path.prefer_installed()
import_path.check_input_pipeline()
moved.install()

__all__ = ['Classifier', 'load']


def load(name: str) -> 'Classifier':
  """Returns the classifier of that name.

  Args:
    name: a public name ('BiT-M-R50x1'), the path of an .npz file, or a work
      directory of a training.

  Raises:
    FileNotFoundError: there is no such file, folder or public name.
    ValueError: the file is not a checkpoint of BiT's; the message says why.
  """
  # JAX comes with it; importing bit_covid alone stays light.
  from bit_covid import classifier

  return classifier.Classifier.load(name)


def __getattr__(name: str) -> Any:
  if name == 'Classifier':
    # As in `load`.
    from bit_covid import classifier

    return classifier.Classifier
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
