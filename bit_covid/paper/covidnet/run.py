# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Applies a COVID-Net graph to a split.

The graph is fed as in COVID-Net's own evaluation under TensorFlow 1.15: the
annotated box of the gray slice, divided by 255, resized to 512 x 512 by that
version's `tf.image.resize` in float32 without rounding, in three equal
channels. That function interpolates bilinearly on a grid without half pixels:
output pixel i is taken from i * input / output, while OpenCV, TensorFlow 2 and
our own preprocessing take (i + 1/2) * input / output - 1/2. On real slices the
two grids differ by 0.9 gray values on average and by up to 31 at an edge.
OpenCV's `resize`, which COVID-Net's scripts for single images use (without the
box), and our preprocessing both round to uint8 and differ by at most 1.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from etils import epath
import numpy as np
import tqdm

from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.base import files
from bit_covid.paper.covidnet import graph
from bit_covid.paper.covidnet import tensors
import input_pipeline
from input_pipeline import conventions
from input_pipeline import preprocess
from input_pipeline.quiet_tensorflow import tf

# Tolerance of a sum of probabilities, as in the report.
_ROUNDING = 1e-3
# Tolerance of a probability when the rest of its batch changes.
_NOISE = 1e-4


def to_input(image: tf.Tensor, size: int) -> tf.Tensor:
  """Returns a gray `[H, W, 1]` uint8 image as COVID-Net's evaluation feeds it.

  That is `[size, size, 3]` float32 in [0, 1]: first divided, then resized.
  """
  image = tf.cast(image, tf.float32) / 255.0
  # The grid of TensorFlow 1; that of TensorFlow 2 differs, see above.
  image = tf.compat.v1.image.resize(image, (size, size))
  return tf.image.grayscale_to_rgb(image)


def _image_batches(
  examples: input_pipeline.Examples, *, box: str, size: int, batch: int
) -> Iterator[input_pipeline.Batch]:
  # Every slice once, in order. The last batch is padded.
  if examples.preparation is not None:
    raise ValueError(
      'COVID-Net crops and resizes whole slices by itself; these were prepared '
      "before. Use 'covidx_ct/2a' instead of 'covidx_ct/2a_512'."
    )

  def cropped(index: np.ndarray) -> np.ndarray:
    image = examples.image(index)
    image = preprocess.crop_to_box(image, examples.box[index], mode=box)
    return image[..., None]

  def load(position: tf.Tensor) -> dict[str, tf.Tensor]:
    # Padding repeats the last slice and is masked.
    index = tf.minimum(position, len(examples) - 1)
    image = tf.numpy_function(cropped, [index], tf.uint8, stateful=False)
    image = tf.ensure_shape(image, (None, None, 1))
    return {
      'image': to_input(image, size),
      'mask': position < len(examples),
      'index': index,
    }

  dataset = tf.data.Dataset.range(-(-len(examples) // batch) * batch)
  dataset = dataset.map(
    load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
  )
  return dataset.batch(batch).prefetch(2).as_numpy_iterator()


def run_split(
  network: graph.Network,
  examples: input_pipeline.Examples,
  *,
  box: str,
  batch: int,
  split: str,
) -> dict[str, np.ndarray]:
  """Returns `probabilities` `[N, C]` and, if the graph has them, `features`.

  A batch has `batch` slices, unless the graph fixes the number. The progress
  bar shows the name of the split.
  """
  ports = network.ports
  batches = _image_batches(
    examples, box=box, size=ports.size, batch=ports.batch or batch
  )
  parts: list[dict[str, np.ndarray]] = []
  with tqdm.tqdm(
    total=len(examples), desc=split, unit='slice', disable=None
  ) as bar:
    for inputs in batches:
      if not parts:
        _check_independent(network, inputs['image'][0])
      index = inputs['index'][inputs['mask']]
      outputs = _outputs(network, inputs, examples.slice_id[index])
      parts.append(outputs)
      bar.update(len(index))
  return {key: np.concatenate([x[key] for x in parts]) for key in parts[0]}


def write_results(
  workdir: epath.Path,
  split: str,
  examples: input_pipeline.Examples,
  outputs: Mapping[str, np.ndarray],
) -> dict[str, Any]:
  """Returns the metrics of a split after writing predictions and features."""
  table = predictions.make_table(
    slice_id=examples.slice_id,
    patient_id=examples.patient_id,
    source=examples.source,
    label=examples.label,
    probabilities=outputs['probabilities'].astype(np.float64),
    class_names=examples.class_names,
  )
  folder = workdir / 'predictions'
  predictions.write(table, folder / f'{split}.csv')
  if 'features' in outputs:
    files.write_npz(
      folder / f'{split}_features.npz',
      {'slice_id': examples.slice_id, 'features': outputs['features']},
    )
  return metrics.summary(metrics.confusion_matrix(table), examples.class_names)


def _outputs(
  network: graph.Network, inputs: input_pipeline.Batch, slice_id: np.ndarray
) -> dict[str, np.ndarray]:
  # Those of the slices, without padding.
  mask, outputs = inputs['mask'], {}
  for key, value in network(inputs['image']).items():
    value = value.reshape(len(value), -1)
    if len(value) != len(mask) or not value.size:
      raise ValueError(
        f'--{key}: {len(mask)} slices gave {list(value.shape)}; expected a row '
        'a slice. Name another tensor.'
      )
    outputs[key] = value[mask]
  _check_probabilities(outputs['probabilities'], slice_id)
  return outputs


def _check_independent(network: graph.Network, image: np.ndarray) -> None:
  # In training mode, batch normalization makes the result of a slice depend on
  # the rest of its batch.
  count = network.ports.batch or 2
  copies = np.stack([image] * count)
  beside_black = copies * (np.arange(count) == 0)[:, None, None, None]
  one, other = (
    network(x.astype(np.float32))['probabilities'][0]
    for x in (copies, beside_black)
  )
  # NaN is reported later, with the name of the slice.
  with np.errstate(invalid='ignore'):
    difference = np.abs(one - other).max()
  if difference > _NOISE:
    raise ValueError(
      f'The first slice gets {_rounded(one)} beside copies of itself and '
      f'{_rounded(other)} beside black images: the graph is in training mode, '
      'or draws at random. Name the bool that it trains by with --training. '
      + tensors.candidates(network.ports.image.graph)
    )


def _check_probabilities(values: np.ndarray, slice_id: np.ndarray) -> None:
  # Before sums: a sum of infinities would warn.
  wrong = ~np.isfinite(values).all(axis=1)
  sums = np.where(wrong[:, None], 0, values).astype(np.float64).sum(axis=1)
  wrong |= (np.abs(sums - 1) > _ROUNDING) | (values < 0).any(axis=1)
  if wrong.any() or values.shape[1] != len(conventions.COVIDX_CT):
    first = int(wrong.argmax())
    raise ValueError(
      f'--probabilities: {slice_id[first]} got {_rounded(values[first])}; '
      f'expected {len(conventions.COVIDX_CT)} probabilities that add up to 1. '
      'Name the tensor behind the softmax, not the logits.'
    )


def _rounded(values: np.ndarray) -> str:
  return '[' + ', '.join(f'{value:.4g}' for value in values.tolist()) + ']'
