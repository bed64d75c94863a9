# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs a public COVID-Net CT checkpoint on a split, for the same evidence.

    python -m bit_covid.paper.covidnet --meta=CT-2_L/model.meta \
        --checkpoint=CT-2_L/model --data=COVIDX_FOLDER --workdir=runs/ct_2_l

It leaves config.json, run.json and predictions/<split>.csv in the work
directory, so that `bit_covid.analysis.report` and `.compare` work on it. A
graph is a program: run only one whose origin you trust. It runs on the CPU.

What its graph is fed is what COVID-Net's own evaluation feeds, under TensorFlow
1.15: the annotated box of the gray slice, / 255, at 512 x 512 by that version's
`tf.image.resize`, in float32 and without rounding, and three equal channels.
That function is bilinear on a grid without half pixels: output pixel i is taken
from i * input / output, where OpenCV, TensorFlow 2 and our own networks'
preprocessing take (i + 1/2) * input / output - 1/2. On real slices the two
grids differ by 0.9 gray values on average and by up to 31 at an edge. OpenCV's
`resize`, which COVID-Net's scripts for single images use (without the box),
and our preprocessing, which rounds to uint8 as it does, differ by at most 1.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import json
import sys
from typing import Any

# First: it says how TensorFlow is to start.
import input_pipeline  # isort: skip

from etils import epath
import ml_collections
import numpy as np
import tensorflow as tf
import tqdm

from bit_covid import atomic_file
from bit_covid import run_facts
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import published
from bit_covid.analysis import terminal
from bit_covid.paper import covidnet_graph
from input_pipeline import class_names
from input_pipeline import examples as examples_lib
from input_pipeline import preprocess

# As far as a sum of probabilities may be from 1, as in the report.
_ROUNDING = 1e-3
# As far as a probability may change with the other slices of its batch.
_NOISE = 1e-4


def to_input(image: tf.Tensor, size: int) -> tf.Tensor:
  """Returns `[size, size, 3]` float32 in [0, 1], of a gray `[H, W, 1]` uint8.

  In the order of COVID-Net's evaluation: divided, then resized.
  """
  image = tf.cast(image, tf.float32) / 255.0
  # TensorFlow 1's; TensorFlow 2's has another grid, see above.
  image = tf.compat.v1.image.resize(image, (size, size))
  return tf.image.grayscale_to_rgb(image)


def image_batches(
  examples: input_pipeline.Examples, *, box: str, size: int, batch: int
) -> Iterator[input_pipeline.Batch]:
  """Yields every slice once, in order, the last batch filled with padding.

  `image` is `[batch, size, size, 3]`, `mask` and `index` are as in
  `input_pipeline`.

  Raises:
    ValueError: the slices are not whole ones.
  """
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
    # Padding repeats the last slice; the mask says that it does not count.
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
  network: covidnet_graph.Network,
  examples: input_pipeline.Examples,
  *,
  box: str,
  batch: int,
  split: str = '',
) -> dict[str, np.ndarray]:
  """Returns `probabilities` `[N, C]` and perhaps `features` `[N, F]`.

  Args:
    network: of `covidnet_graph.open_network`.
    examples: the split.
    box: one of `preprocess.BOXES`.
    batch: slices a run, where the graph does not fix it.
    split: its name, for the progress bar.

  Raises:
    ValueError: the outputs are no probabilities, or depend on the batch.
    RuntimeError: a slice was not met exactly once.
  """
  parts: dict[str, list[np.ndarray]] = {'index': []}
  with tqdm.tqdm(total=len(examples), desc=split, unit='slice') as bar:
    for number, inputs in enumerate(
      image_batches(
        examples, box=box, size=network.size, batch=network.batch or batch
      )
    ):
      if not number:
        _check_independent(network, inputs['image'][0])
      mask, index = inputs['mask'], inputs['index'][inputs['mask']]
      for key, value in network(inputs['image']).items():
        value = value.reshape(len(value), -1)
        _check_rows(key, value, len(mask))
        if key == 'probabilities':
          _check_probabilities(value[mask], examples.slice_id[index])
        parts.setdefault(key, []).append(value[mask])
      parts['index'].append(index)
      bar.update(len(index))
  outputs = {key: np.concatenate(values) for key, values in parts.items()}
  if not np.array_equal(outputs.pop('index'), np.arange(len(examples))):
    raise RuntimeError(f'{len(examples)} slices should have been met once each')
  return outputs


def write_facts(
  workdir: epath.Path,
  facts: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
) -> None:
  """Writes config.json and run.json, or refuses a folder of another run.

  Args:
    workdir: empty, new, or of the same network and data; other splits are
      added to those that are there.
    facts: of network and data.
    splits: the data, by name of their split.

  Raises:
    ValueError: the folder holds another run; the message says what differs.
  """
  path = workdir / 'config.json'
  fingerprints = {name: split.fingerprint for name, split in splits.items()}
  found = _read_config(workdir)
  if found is not None:
    known = found.get('fingerprints') or {}
    differences = _differences(found, facts) + _differences(
      {'fingerprints': known},
      {
        'fingerprints': {k: fingerprints[k] for k in fingerprints if k in known}
      },
    )
    if differences:
      raise ValueError(
        f'{workdir} holds another run: {"; ".join(differences)}. Choose '
        'another --workdir, or remove this one to start anew.'
      )
    fingerprints = known | fingerprints
  workdir.mkdir(parents=True, exist_ok=True)
  atomic_file.write_json(path, {**facts, 'fingerprints': fingerprints})
  path = workdir / 'run.json'
  starts = json.loads(path.read_text()) if path.exists() else []
  # Not JAX's devices: TensorFlow sees none but this.
  start = run_facts.collect() | {'devices': ['cpu:TensorFlow']}
  atomic_file.write_json(path, [*starts, start])


def write_results(
  workdir: epath.Path,
  split: str,
  examples: input_pipeline.Examples,
  outputs: Mapping[str, np.ndarray],
) -> dict[str, Any]:
  """Writes the predictions of a split, and features if any; returns metrics."""
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
    atomic_file.write_npz(
      folder / f'{split}_features.npz',
      {'slice_id': examples.slice_id, 'features': outputs['features']},
    )
  return metrics.summary(metrics.confusion_matrix(table), examples.class_names)


def beside_published(
  dataset: str, split: str, confusion: Sequence[Sequence[int]]
) -> list[str]:
  """Returns a sentence for each published confusion matrix of the same slices.

  The rows are known to be the same, so half the sum of differences is the
  number of slices that must have got another class.
  """
  if (dataset, split) != (published.DATASET, published.SPLIT):
    return []
  sentences = []
  for row in published.CONFUSIONS:
    difference = np.subtract(confusion, row.counts)
    if difference.sum(axis=1).any():
      continue  # Other slices, under the same name.
    moved = int(np.abs(difference).sum()) // 2
    sentences.append(
      f'Published confusion matrix of {row.model} ({row.source}): '
      + (f'at least {moved:,} slices differ.' if moved else 'the same.')
    )
  return sentences


def main(argv: Sequence[str] | None = None) -> int:
  """Runs what the arguments ask for; returns the exit code."""
  arguments = _parser().parse_args(argv)
  try:
    _run(arguments)
  except (ValueError, OSError) as error:
    # On one line, and in the words of this command line.
    text = ' '.join(str(error).split())
    text = text.replace('config.data.path', '--data')
    print('Error:', text.replace('config.data.', '--'), file=sys.stderr)
    return 2
  return 0


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog='python -m bit_covid.paper.covidnet',
    description='Runs a public COVID-Net CT checkpoint (TensorFlow 1).',
  )
  parser.add_argument('--meta', required=True, help='the graph: model.meta')
  parser.add_argument(
    '--checkpoint',
    required=True,
    help="the weights: model.index without '.index'",
  )
  parser.add_argument('--workdir', required=True, help='for the results')
  parser.add_argument('--name', default='COVID-Net CT', help='for the report')
  parser.add_argument('--dataset', default=published.DATASET)
  parser.add_argument('--data', default='', help='folder with the data')
  parser.add_argument('--data_dir', default='', help='of prepared datasets')
  parser.add_argument('--image_folder', default='', help='in --data')
  parser.add_argument(
    '--split', default=published.SPLIT, help='one, or several: val,test'
  )
  parser.add_argument('--box', choices=preprocess.BOXES, default='annotated')
  parser.add_argument('--batch', type=int, default=16)
  parser.add_argument('--size', type=int, help='default: of the graph, or 512')
  absent = {
    'training': f'{covidnet_graph.TRAINING}, if there is one',
    'features': 'none',
  }
  for field in dataclasses.fields(covidnet_graph.Tensors):
    default = field.default or absent[field.name]
    parser.add_argument(
      f'--{field.name}',
      default=field.default,
      help=f'name of a tensor; default: {default}',
    )
  return parser


def _run(arguments: argparse.Namespace) -> None:
  """Checks everything, then runs split after split."""
  for flag in ('batch', 'size'):
    value = getattr(arguments, flag)
    if value is not None and value < 1:
      raise ValueError(f'--{flag}={value}; expected 1 or more.')
  data = ml_collections.ConfigDict(
    {
      'name': arguments.dataset,
      'path': arguments.data,
      'data_dir': arguments.data_dir,
      'image_folder': arguments.image_folder,
      'box': arguments.box,
      'range_16bit': (0, 65_535),
      'window': (),
    }
  )
  workdir = epath.Path(arguments.workdir)
  meta, checkpoint = (
    epath.Path(arguments.meta),
    epath.Path(arguments.checkpoint),
  )
  tensors = covidnet_graph.Tensors(
    *(
      getattr(arguments, x.name)
      for x in dataclasses.fields(covidnet_graph.Tensors)
    )
  )
  with covidnet_graph.open_network(
    meta, checkpoint, tensors=tensors, size=arguments.size
  ) as network:
    splits = {
      split: _load_split(data, split) for split in arguments.split.split(',')
    }
    facts = {
      'data': {
        'name': arguments.dataset,
        'box': arguments.box,
        'crop': network.size,
        'resize': 'TensorFlow 1, bilinear, not rounded',
      },
      'model': {
        'name': arguments.name,
        'dtype': network.image.dtype.name,
        'graph': examples_lib.digest(meta.read_bytes()),
        'weights': _weights_digest(checkpoint),
        **dataclasses.asdict(tensors),
      },
      'init': f'{checkpoint.name} (TensorFlow 1)',
    }
    write_facts(workdir, facts, splits)
    for split, examples in splits.items():
      outputs = run_split(
        network,
        examples,
        box=arguments.box,
        batch=arguments.batch,
        split=split,
      )
      summary = write_results(workdir, split, examples, outputs)
      print(terminal.format_summary(split, summary))
      for sentence in beside_published(
        arguments.dataset, split, summary['confusion_matrix']
      ):
        print(sentence)
  print(f'python -m bit_covid.analysis.report {workdir}')


def _load_split(
  data: ml_collections.ConfigDict, split: str
) -> input_pipeline.Examples:
  examples = input_pipeline.load_split(data, split)
  if examples.class_names != class_names.COVIDX_CT:
    raise ValueError(
      f'The classes of {data.name} {split} are '
      f'{", ".join(examples.class_names)}; expected '
      f'{", ".join(class_names.COVIDX_CT)}, in this order, as COVID-Net CT has '
      'them.'
    )
  input_pipeline.check_boxes(examples, data)
  return examples


def _check_independent(
  network: covidnet_graph.Network, image: np.ndarray
) -> None:
  """Raises ValueError if a slice's result depends on those beside it.

  It does where batch normalization is that of training, which no shape shows.
  """
  count = network.batch or 2
  copies = np.stack([image] * count)
  beside_black = copies * (np.arange(count) == 0)[:, None, None, None]
  one, other = (
    network(x.astype(np.float32))['probabilities'][0]
    for x in (copies, beside_black)
  )
  # Not-a-numbers are told of with the slice's name, later.
  with np.errstate(invalid='ignore'):
    difference = np.abs(one - other).max()
  if difference > _NOISE:
    raise ValueError(
      f'The first slice gets {_rounded(one)} beside copies of itself and '
      f'{_rounded(other)} beside black images: the graph is in training mode, '
      'or draws at random. Name the bool that it trains by with --training. '
      + covidnet_graph.candidates(network.image.graph)
    )


def _check_rows(key: str, values: np.ndarray, count: int) -> None:
  if len(values) != count or not values.size:
    raise ValueError(
      f'--{key}: {count} slices gave {list(values.shape)}; expected a row a '
      'slice. Name another tensor.'
    )


def _check_probabilities(values: np.ndarray, slice_id: np.ndarray) -> None:
  # Before sums: a sum of infinities would warn.
  wrong = ~np.isfinite(values).all(axis=1)
  sums = np.where(wrong[:, None], 0, values).astype(np.float64).sum(axis=1)
  wrong |= (np.abs(sums - 1) > _ROUNDING) | (values < 0).any(axis=1)
  if wrong.any() or values.shape[1] != len(class_names.COVIDX_CT):
    first = int(wrong.argmax())
    raise ValueError(
      f'--probabilities: {slice_id[first]} got {_rounded(values[first])}; '
      f'expected {len(class_names.COVIDX_CT)} probabilities that add up to 1. '
      'Name the tensor behind the softmax, not the logits.'
    )


def _rounded(values: np.ndarray) -> str:
  return '[' + ', '.join(f'{value:.4g}' for value in values.tolist()) + ']'


def _weights_digest(checkpoint: epath.Path) -> str:
  """Returns a digest of the files of the weights, wherever they lie."""
  paths = sorted(checkpoint.parent.glob(f'{checkpoint.name}.index')) + sorted(
    checkpoint.parent.glob(f'{checkpoint.name}.data-*')
  )
  return examples_lib.digest(b''.join(path.read_bytes() for path in paths))


def _read_config(workdir: epath.Path) -> dict[str, Any] | None:
  """Returns config.json of a work directory; None of a new one."""
  path = workdir / 'config.json'
  if path.exists():
    try:
      return dict(json.loads(path.read_text()))
    except (TypeError, ValueError) as error:
      raise ValueError(
        f'{path} is no JSON of a run: {error}. Choose another --workdir.'
      ) from error
  folder = workdir / 'predictions'
  there = sorted(x.name for x in folder.glob('*')) if folder.exists() else []
  if there:
    raise ValueError(
      f'{folder} holds {", ".join(there)}, and no config.json says what of. '
      'Choose another --workdir.'
    )
  return None


def _differences(
  found: Mapping[str, Any], asked: Mapping[str, Any]
) -> list[str]:
  """Returns what of the facts that are asked is otherwise, in words."""
  differences = []
  for key, value in asked.items():
    there = found.get(key)
    if isinstance(value, dict):
      inner = there if isinstance(there, dict) else {}
      differences += [f'{key}.{x}' for x in _differences(inner, value)]
    elif there != value:
      differences.append(f'{key} is {there} there, {value} here')
  return differences


if __name__ == '__main__':
  sys.exit(main())
