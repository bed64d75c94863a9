# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""COVID-19 detection in chest CT slices with Big Transfer, in JAX.

    import bit_covid
    classifier = bit_covid.load('runs/demo')
    table = classifier.predict(['scan/0001.png', 'scan/0002.png'])

docs/library.md shows the rest. JAX is loaded when a function first needs it.

Research software, not a medical device.
"""

from collections.abc import Sequence
import fnmatch
import os
from typing import TYPE_CHECKING, Any

from bit_covid.base import config_files
from bit_covid.base import import_path
from bit_covid.base import moved
from bit_covid.base import project
from bit_covid.base import version

if TYPE_CHECKING:
  import ml_collections

  from bit_covid.classifier import Classifier
  from bit_covid.models import resnet_v2

__version__ = version.VERSION

project.check_python()
import_path.prefer_installed()
import_path.check_input_pipeline()
moved.install()

__all__ = ['Classifier', 'create_model', 'get_config', 'list_models', 'load']


def list_models(pattern: str = '*') -> list[str]:
  """Returns the names of the pretrained networks that `load` takes.

  Those of this package ('Textures-M-tiny') come first. The others
  ('BiT-M-R50x1') are BiT's, were trained on photographs, and are downloaded
  when they are first loaded. None of them knows CT before it is fine-tuned.

  Args:
    pattern: with the wildcards of a shell, such as '*R50x1*'.
  """
  # As in `load`.
  from bit_covid.weights import find
  from bit_covid.weights import public_files

  names = [*find.bundled(), *public_files.names()]
  return fnmatch.filter(names, pattern)


def load(
  name: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
  *,
  flips: bool = False,
) -> 'Classifier':
  """Returns the classifier of that name, ready to be used.

  There is no training mode and no dropout to switch off: the same images give
  the same logits.

  Args:
    name: of `list_models()`, the path of an .npz file, or a work directory of a
      training. A list of them, or the folder of a cross-validation, is an
      ensemble: its probabilities and maps are the means of those of its
      networks.
    flips: average the results of each image and its mirror image.

  Raises:
    FileNotFoundError: there is no such file, folder or public name.
    ConnectionError: the download failed; the message has path and URL.
    ValueError: a file is not a checkpoint of BiT's, or the networks of an
      ensemble do not fit together; the message says why.
  """
  # JAX comes with it; importing bit_covid alone stays light.
  from bit_covid import classifier

  return classifier.Classifier.load(name, flips=flips)


def create_model(
  model_name: str,
  *,
  num_classes: int,
  dtype: str = 'float32',
  remat: bool = False,
) -> 'resnet_v2.ResNetV2':
  """Returns the network as a Flax module, without parameters.

      model = bit_covid.create_model('R50x1', num_classes=3)
      variables = model.init(jax.random.key(0), images)
      logits, intermediates = model.apply(variables, images)

  Images are `[N, H, W, 1 or 3]` float in [-1, 1], logits `[N, num_classes]`
  float32. `intermediates` has the `feature_map`, `[N, h, w, F]`, and its mean,
  the `features`, `[N, F]`. The new head is zero, so the first logits are equal.
  The module has no state but its parameters, float32, and needs no random
  numbers: `apply` is the same in training and may be used under `jax.jit`,
  `grad` and `vmap`. GroupNorm takes the place of BatchNorm.

  Args:
    model_name: 'R50x1', 'R50x3', 'R101x1', 'R101x3', 'R152x2', 'R152x4', or,
      without a public checkpoint, 'R26x0.5', 'R50x0.5', 'R26x1', or 'tiny', a
      small one for tests.
    num_classes: number of logits.
    dtype: of convolutions and activations; 'bfloat16' is faster on
      accelerators.
    remat: compute the activations of each unit again in the backward pass,
      which takes less memory and more time.

  Raises:
    ValueError: the name is unknown; the message lists the known ones.
  """
  # As in `load`.
  import jax.numpy as jnp

  from bit_covid.models import resnet_v2

  return resnet_v2.create(
    model_name, num_classes=num_classes, dtype=jnp.dtype(dtype), remat=remat
  )


def get_config(
  name: str, argument: str | None = None
) -> 'ml_collections.ConfigDict':
  """Returns the config of a training, whose fields may then be changed.

      config = bit_covid.get_config('bit_m', 'resolution=256x224,steps=5k')
      config.batch = 32

  Args:
    name: as `bit-covid train` takes it: a config of this package ('demo',
      'bit_m') or the path of a file of your own.
    argument: the short form of what is varied most, such as 'steps=5k,seed=1';
      its keys depend on the file.

  Raises:
    FileNotFoundError: there is no such config; the message lists the names.
    ValueError: the argument is invalid; the message says why.
  """
  return config_files.get_config(name, argument)


# A type checker would take any name for one of this package's.
if not TYPE_CHECKING:

  def __getattr__(name: str) -> Any:
    if name == 'Classifier':
      # As in `load`.
      from bit_covid import classifier

      return classifier.Classifier
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
