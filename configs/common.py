# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every field of a config, with the paper's settings as defaults.

Any field can be set on the command line, as in `--config.batch=32`. The most
common settings have a short form after a colon, in any order:

    --config=configs/bit_m.py:resolution=512x480,steps=10k,mixup=True,per_class=100
"""

from collections.abc import Callable, Mapping
import types
from typing import Any

import ml_collections

from bit_covid.training import schedule

_MODEL = {
  # One of bit_covid.models.resnet_v2.MODELS.
  'name': 'R50x1',
  # Dtype of the computation: 'float32', or 'bfloat16', which is faster on TPUs
  # and recent GPUs.
  # Parameters, normalization statistics and the loss are float32 either way.
  'dtype': 'float32',
  # Compute each unit again in the backward pass. On a TPU this takes a quarter
  # less memory and a quarter more operations, as compiled (docs/tpu.md).
  'remat': False,
}
_DATA = {
  # 'covidx_ct/2a' (or 1, 2b, 3a, 3b), 'sars_cov_2_ct', 'phantom/demo', or
  # 'image_folder'.
  # 'covidx_ct/2a_512' and the like are stored already prepared for 512x480,
  # which is seven times as fast to read.
  'name': 'covidx_ct/2a',
  # What is learned: 'classes', or for pre-training without labels, 'instances'
  # or 'changes' (input_pipeline/pretext.py).
  'task': 'classes',
  # The folder with COVIDx CT's split files and images; the folder or CSV of
  # image_folder.
  'path': '',
  # Where prepared datasets are kept; '': ~/tensorflow_datasets.
  'data_dir': '',
  # Name of the folder of images in `path`; '': <version>_images.
  'image_folder': '',
  # Crop to: 'annotated' boxes, 'automatic' ones, or 'none'.
  'box': 'annotated',
  # Training images are resized to this side, in pixels, ...
  'resize': 512,
  # ... and cropped at random to this one, to which test images are resized.
  'crop': 480,
  # Low-pass filter before shrinking. False is BiT's JAX and TensorFlow code,
  # True its PyTorch code; the paper does not say.
  'antialias': False,
  # Changes of training images that BiT does not have; 0: none. Each is drawn
  # at random for each image and epoch. Rotation: largest angle in degrees.
  'rotation': 0.0,
  # Gray values are multiplied about middle gray by 1 - contrast to
  # 1 + contrast.
  'contrast': 0.0,
  # Largest part of the range from black to white that is added or subtracted.
  'brightness': 0.0,
  # Half of the images get a rectangle of one gray value, whose sides are at
  # most this part of the image's.
  'erase': 0.0,
  # Values of a 16-bit image that become black and white (image_folder).
  'range_16bit': (0, 65_535),
  # Window of your own images (image_folder): center and width, in Hounsfield
  # units, of the gray values 0 to 255. It is stored in the checkpoint and used
  # for scans. (): not known. COVIDx CT, (-600, 1500), needs no value here.
  'window': (),
  # Number of training slices of each class; 0: all.
  'per_class': 0,
  # How they are drawn: by 'slice', as in the paper, or by 'patient', with all
  # slices of one patient before those of the next.
  'per_class_by': 'slice',
  # Patients whom train and val are to lack: 'source=CNCB', or another
  # COLUMN=VALUE of `metadata`; '': nobody.
  'leave_out': '',
  # A CSV with a column `patient id` and the column that `leave_out` names.
  'metadata': '',
  # Of a cross-validation by patient: number and count, as in (1, 5), for the
  # slices of all splits; (): the splits as they are. `--folds` makes all.
  'fold': (),
  # Whether a run may go on with data that have changed since it began. Then
  # run.json says what has changed.
  'allow_change': False,
}
_TRAINING = {
  # Images per step, over all devices of all hosts.
  'batch': 64,
  # Number of parts of each device's batch, computed one after the other. More
  # parts take less memory and give the same result. This saves more memory
  # than `model.remat`.
  'accumulation': 1,
  # 'sgd', as in the paper, or 'adamw', whose learning rates are smaller: 0.0001
  # is a usual one.
  'optimizer': 'sgd',
  # BiT uses this learning rate with a batch of 512, the paper with 64.
  'learning_rate': 0.003,
  # Of SGD; AdamW's beta1.
  'momentum': 0.9,
  # Of AdamW, for kernels only. The paper's fine-tuning has none.
  'weight_decay': 0.0,
  # Steps at which the warm-up ends, the learning rate is divided by ten (three
  # times), and the training ends. (): the schedule and mixup_alpha follow
  # BiT-HyperRule for the number of training images.
  'schedule': schedule.SCHEDULES['10k'],
  # 'steps': by a factor of ten at the decays of the schedule. 'cosine': from
  # the end of the warm-up to 0 at the end of the training, without the decays.
  'learning_rate_decay': 'steps',
  # Train the head alone, on the features of the initial weights (a linear
  # probe). It needs initial weights other than 'random'.
  'train_head_only': False,
  # Alpha of mixup's Beta(alpha, alpha); 0: no mixup. The paper does not give
  # it; BiT uses 0.1.
  'mixup_alpha': 0.1,
  # Share of each label that is spread evenly over all classes.
  'label_smoothing': 0.0,
  # Weigh each class in the loss by the inverse of its number of slices.
  'balance_classes': False,
  # Steps between two measurements of the training loss.
  'log_every': 50,
  # Steps between two evaluations of `eval_split`; 0: none.
  'eval_every': 1000,
  'eval_split': 'val',
  # The network that is the result: the 'last', as in the paper, or the one of
  # 'best_loss' or 'best_accuracy' in the evaluations of `eval_split`.
  'keep': 'last',
  # End the training after this many evaluations that were no better than the
  # best one before; 0: never.
  'early_stop': 0,
  # Images per step of an evaluation, over all devices of all hosts.
  'eval_batch': 64,
  # Steps between two checkpoints, of which the last two are kept.
  'checkpoint_every': 500,
  # Splits whose predictions and metrics are written at the end.
  'final_splits': ('val', 'test'),
  # Whether a report and Grad-CAM maps of the last of them are written.
  'report': True,
}


def get_config(
  arg: str | None = None, *, init: str = 'random'
) -> ml_collections.ConfigDict:
  """Returns the defaults: R50x1 on COVIDx CT-2A; see `with_argument`."""
  config = ml_collections.ConfigDict(
    {
      # One seed for everything: parameters, order, augmentation, mixup,
      # few-shot.
      'seed': 0,
      # Initial weights: 'random', the name of a public checkpoint
      # ('BiT-M-R50x1'), or the path of an .npz file. The head is always new.
      'init': init,
      # On a GPU, sum gradients in a fixed order, so that the same command gives
      # the same bits again. It makes a step slower. CPUs and TPUs need no flag.
      'deterministic': False,
      'model': _MODEL,
      'data': _DATA,
      **_TRAINING,
    }
  )
  # A misspelt field in a config file is an error from here on.
  config.lock()
  return with_argument(config, arg)


def one_of(value: str, choices: Mapping[str, Any]) -> Any:
  """Returns the choice of that name.

  Raises:
    ValueError: there is none; the message lists the names.
  """
  if value not in choices:
    *names, last = choices
    raise ValueError(f'known are {", ".join(names)} and {last}')
  return choices[value]


def _resolution(value: str) -> dict[str, int]:
  resize, crop = value.split('x')
  return {'data.resize': int(resize), 'data.crop': int(crop)}


# The description of a short form, and a function from its value to fields.
Argument = tuple[str, Callable[[str], Mapping[str, Any]]]
ARGUMENTS: Mapping[str, Argument] = types.MappingProxyType(
  {
    'resolution': ('512x480 (resize, crop)', _resolution),
    'steps': (
      '500, 5k, 10k, 20k or auto (BiT-HyperRule)',
      lambda x: {'schedule': one_of(x, {**schedule.SCHEDULES, 'auto': ()})},
    ),
    'mixup': (
      'True or False',
      lambda x: {'mixup_alpha': one_of(x, {'True': 0.1, 'False': 0.0})},
    ),
    'per_class': (
      'a number of training slices',
      lambda x: {'data.per_class': int(x)},
    ),
    'seed': ('a number', lambda x: {'seed': int(x)}),
    'model': ('R50x1, ...', lambda x: {'model.name': x}),
    'init': ('random, BiT-M-R50x1, ..., or a path', lambda x: {'init': x}),
  }
)


def with_argument(
  config: ml_collections.ConfigDict,
  arg: str | None,
  arguments: Mapping[str, Argument] = ARGUMENTS,
) -> ml_collections.ConfigDict:
  """Returns the config, changed by the string after the colon.

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
    form, to_fields = arguments[key]
    try:
      config.update_from_flattened_dict(to_fields(value))
    except ValueError as error:
      raise ValueError(
        f'{part!r} in {arg!r}: expected {key}={form} ({error}).'
      ) from error
  return config
