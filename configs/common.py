# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every field of a config, with the paper's settings as defaults.

Any field can be set on the command line, as in `--config.batch=32`. The most
common settings have a short form after a colon, in any order:

    --config=configs/bit_m.py:resolution=512x480,steps=10k,mixup=True,per_class=100
"""

from collections.abc import Callable, Mapping
import types

import ml_collections

from bit_covid.training import schedule


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
  """Returns the defaults: R50x1 from random weights on COVIDx CT-2A."""
  config = ml_collections.ConfigDict()
  # One seed for everything: parameters, order, augmentation, mixup, few-shot.
  config.seed = 0
  # Initial weights: 'random', the name of a public checkpoint ('BiT-M-R50x1'),
  # or the path of an .npz file. The head is new in each case.
  config.init = 'random'

  config.model = ml_collections.ConfigDict()
  # One of bit_covid.models.resnet_v2.MODELS.
  config.model.name = 'R50x1'
  # Dtype of the computation: 'float32', or 'bfloat16', which is faster on TPUs
  # and recent GPUs.
  # Parameters, normalization statistics and the loss are float32 either way.
  config.model.dtype = 'float32'
  # Compute each unit again in the backward pass. On a TPU this takes a quarter
  # less memory and a quarter more operations, as compiled (docs/tpu.md).
  config.model.remat = False

  config.data = ml_collections.ConfigDict()
  # 'covidx_ct/2a' (or 1, 2b, 3a, 3b), 'phantom/demo', or 'image_folder'.
  # 'covidx_ct/2a_512' and the like are stored already prepared for 512x480,
  # which is seven times as fast to read.
  config.data.name = 'covidx_ct/2a'
  # The folder with COVIDx CT's split files and images; the folder or CSV of
  # image_folder.
  config.data.path = ''
  # Where prepared datasets are kept; '': ~/tensorflow_datasets.
  config.data.data_dir = ''
  # Name of the folder of images in `path`; '': <version>_images.
  config.data.image_folder = ''
  # Crop to: 'annotated' boxes, 'automatic' ones, or 'none'.
  config.data.box = 'annotated'
  # Training images are resized to this side, in pixels, ...
  config.data.resize = 512
  # ... and cropped at random to this one, to which test images are resized.
  config.data.crop = 480
  # Low-pass filter before shrinking. False is BiT's JAX and TensorFlow code,
  # True its PyTorch code; the paper does not say.
  config.data.antialias = False
  # Values of a 16-bit image that become black and white (image_folder).
  config.data.range_16bit = (0, 65_535)
  # Window of your own images (image_folder): center and width, in Hounsfield
  # units, of the gray values 0 to 255. It is stored in the checkpoint and used
  # for scans. (): not known. COVIDx CT, (-600, 1500), needs no value here.
  config.data.window = ()
  # Number of training slices of each class; 0: all.
  config.data.per_class = 0
  # How they are drawn: by 'slice', as in the paper, or by 'patient', with all
  # slices of one patient before those of the next.
  config.data.per_class_by = 'slice'

  # Images per step, over all devices of all hosts.
  config.batch = 64
  # Number of parts of each device's batch, computed one after the other. More
  # parts take less memory and give the same result. This saves more memory
  # than `model.remat`.
  config.accumulation = 1
  # Of SGD. BiT uses this learning rate with a batch of 512, the paper with 64.
  config.learning_rate = 0.003
  config.momentum = 0.9
  # Steps at which the warm-up ends, the learning rate is divided by ten (three
  # times), and the training ends. (): the schedule and mixup_alpha follow
  # BiT-HyperRule for the number of training images.
  config.schedule = schedule.SCHEDULES['10k']
  # Alpha of mixup's Beta(alpha, alpha); 0: no mixup. The paper does not give
  # it; BiT uses 0.1.
  config.mixup_alpha = 0.1

  # Steps between two measurements of the training loss.
  config.log_every = 50
  # Steps between two evaluations of `eval_split`; 0: none.
  config.eval_every = 1000
  config.eval_split = 'val'
  # Images per step of an evaluation, over all devices of all hosts.
  config.eval_batch = 64
  # Steps between two checkpoints, of which the last two are kept.
  config.checkpoint_every = 500
  # Splits whose predictions and metrics are written at the end.
  config.final_splits = ('val', 'test')
  # Whether a report and Grad-CAM maps of the last of them are written.
  config.report = True
  # A misspelt field in a config file is an error from here on.
  config.lock()
  return with_argument(config, arg)


def _resolution(config: ml_collections.ConfigDict, value: str) -> None:
  resize, crop = value.split('x')
  config.data.resize, config.data.crop = int(resize), int(crop)


def _steps(config: ml_collections.ConfigDict, value: str) -> None:
  if value == 'auto':
    config.schedule = ()
    return
  if value not in schedule.SCHEDULES:
    raise ValueError(f'known are {", ".join(schedule.SCHEDULES)} and auto')
  config.schedule = schedule.SCHEDULES[value]


def _mixup(config: ml_collections.ConfigDict, value: str) -> None:
  if value not in ('True', 'False'):
    raise ValueError('known are True and False')
  config.mixup_alpha = 0.1 if value == 'True' else 0.0


def _per_class(config: ml_collections.ConfigDict, value: str) -> None:
  config.data.per_class = int(value)


def _seed(config: ml_collections.ConfigDict, value: str) -> None:
  config.seed = int(value)


def _model(config: ml_collections.ConfigDict, value: str) -> None:
  config.model.name = value


def _init(config: ml_collections.ConfigDict, value: str) -> None:
  config.init = value


# The description of a short form, and the function that applies it.
Argument = tuple[str, Callable[[ml_collections.ConfigDict, str], None]]
ARGUMENTS: Mapping[str, Argument] = types.MappingProxyType(
  {
    'resolution': ('512x480 (resize, crop)', _resolution),
    'steps': ('500, 5k, 10k, 20k or auto (BiT-HyperRule)', _steps),
    'mixup': ('True or False', _mixup),
    'per_class': ('a number of training slices', _per_class),
    'seed': ('a number', _seed),
    'model': ('R50x1, ...', _model),
    'init': ('random, BiT-M-R50x1, ..., or a path', _init),
  }
)


def with_argument(
  config: ml_collections.ConfigDict,
  arg: str | None,
  arguments: Mapping[str, Argument] = ARGUMENTS,
) -> ml_collections.ConfigDict:
  """Returns the config with the settings of the string after the colon.

  Args:
    config: is changed.
    arg: such as 'steps=5k,seed=1'.
    arguments: the known short forms.

  Raises:
    ValueError: a key is unknown or its value is invalid; the message lists the
      known keys.
  """
  for part in arg.split(',') if arg else ():
    key, _, value = part.partition('=')
    if key not in arguments:
      known = ', '.join(f'{k}={form}' for k, (form, _) in arguments.items())
      raise ValueError(f'{part!r} in {arg!r}: expected any of {known}.')
    form, apply = arguments[key]
    try:
      apply(config, value)
    except ValueError as error:
      raise ValueError(
        f'{part!r} in {arg!r}: expected {key}={form} ({error}).'
      ) from error
  return config
