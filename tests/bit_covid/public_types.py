# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The types of the public names, which `mypy` compares; nothing runs this."""

from typing import assert_type

import jax
import numpy as np
from numpy import typing as npt
import pandas as pd

import bit_covid
from bit_covid.models import ensemble
from bit_covid.models import resnet_v2

_Floats = npt.NDArray[np.float32]


def check(
  gray: npt.NDArray[np.uint8], images: _Floats, on_device: jax.Array
) -> None:
  assert_type(bit_covid.list_models('BiT-M-*'), list[str])
  classifier = bit_covid.load('runs/demo')
  assert_type(classifier, bit_covid.Classifier)
  assert_type(classifier.preprocess([gray]), _Floats)
  assert_type(classifier.logits(images), _Floats)
  assert_type(classifier.features(on_device), _Floats)
  assert_type(classifier.gradcam(images, class_index=1), _Floats)
  assert_type(classifier.gradcam(images, [0, 2]), _Floats)
  assert_type(classifier.predict(['scan/1.png'], check=False), pd.DataFrame)
  assert_type(classifier.class_names, tuple[str, ...])
  assert_type(classifier.window, tuple[float, float] | None)
  assert_type(classifier.model, ensemble.Model)
  model = bit_covid.create_model('R50x1', num_classes=3, dtype='bfloat16')
  assert_type(model, resnet_v2.ResNetV2)
  # ml_collections has no types.
  bit_covid.get_config('demo', 'seed=1').lock()
  # An ignored error that is none would be one: these must be refused.
  bit_covid.lod('runs/demo')  # type: ignore[attr-defined]
  bit_covid.create_model('R50x1', 3)  # type: ignore[call-arg]
  classifier.logits('scan/1.png')  # type: ignore[arg-type]
  bit_covid.get_config('demo', 1)  # type: ignore[arg-type]
