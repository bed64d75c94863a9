# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes what scans are compared with, beside model.npz.

These are the detector of slices that are unlike those of the training, and what
the network says of the patients of val. Both come from slices of train and val
that are cropped as scans are, without annotated boxes; test is never looked at.
"""

from collections.abc import Mapping
from typing import Any

from etils import epath
import jax
import ml_collections

from bit_covid.analysis import aggregation
from bit_covid.analysis import calibration
from bit_covid.analysis import predictions
from bit_covid.analysis import similar_patients
from bit_covid.base import checksums
from bit_covid.inference import detector
from bit_covid.inference import evaluate
from bit_covid.inference import validation_patients
from bit_covid.models import resnet_v2
from bit_covid.training import fit_detector
from bit_covid.training import run_directory
import input_pipeline
from input_pipeline import examples as examples_lib

FILE_NAMES = (detector.FILE_NAME, validation_patients.FILE_NAME)


def write(
  workdir: epath.Path,
  params: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
  config: ml_collections.ConfigDict,
  *,
  temperature: float | None,
  forward: evaluate.ForwardFn | None = None,
) -> list[str]:
  """Returns a sentence for each file that is not written, with the reason.

  All hosts compute, and the first one writes.

  Args:
    workdir: of the run.
    params: replicated parameters of the network.
    splits: the run's data, by name.
    config: of the run.
    temperature: of the network; None: not known.
    forward: of the network in the config's dtype; None: it is compiled.
  """
  train, val = splits['train'], splits.get('val')
  if val is None:
    return ['Scans have nothing to be compared with: no split val was loaded.']
  image_config = scan_config(config.data, train)
  if forward is None or config.model.dtype != 'float32':
    # Scans are scored in float32.
    forward = evaluate.make_forward(
      resnet_v2.create(config.model.name, num_classes=len(val.class_names))
    )

  def apply(examples: input_pipeline.Examples) -> evaluate.Outputs:
    return evaluate.evaluate(
      forward, params, examples, image_config, batch=config.eval_batch
    )

  outputs = apply(val)
  problems = [_write_patients(workdir, val, outputs, temperature)]
  problem = fit_detector.problem(val)
  if problem:
    problems.append(f'No limits for scans unlike the training: {problem}.')
  else:
    train = _trained_on(train, config)
    train = train.take(fit_detector.choose(train.patient_id))
    features = apply(train).features
    if jax.process_index() == 0:
      rows = fit_detector.choose(val.patient_id)
      fit_detector.write(
        workdir,
        {'train': train, 'val': val.take(rows)},
        {'train': features, 'val': outputs.features[rows]},
        box=image_config.box,
      )
  return [x for x in problems if x]


def scan_config(
  config: ml_collections.ConfigDict, examples: input_pipeline.Examples
) -> ml_collections.ConfigDict:
  """Returns the field `data` of a config with the crop that scans get."""
  result = ml_collections.ConfigDict(config.to_dict())
  # What is stored prepared is cropped already.
  if result.box == 'annotated' and examples.preparation is None:
    result.box = 'automatic'
  return result


def _write_patients(
  workdir: epath.Path,
  val: input_pipeline.Examples,
  outputs: evaluate.Outputs,
  temperature: float | None,
) -> str:
  """Returns why the patients of val are not written, '' if they are."""
  if jax.process_index():
    return ''
  table = run_directory.predictions_table(val, outputs)
  if temperature:
    table = calibration.apply_temperature(table, temperature)
  try:
    by_patient = aggregation.aggregate_patients(table, 'mean')
  except ValueError as error:
    return f'The patients of val are not kept for comparison: {error}'
  patients = similar_patients.Patients(
    label=by_patient['label'].to_numpy(int),
    probabilities=predictions.probabilities(by_patient),
    slices=table.groupby('patient_id', sort=True).size().to_numpy(int),
  )
  digest = checksums.of_file(workdir / 'model.npz')
  validation_patients.write(workdir, patients, checkpoint=digest)
  return ''


def _trained_on(
  examples: input_pipeline.Examples, config: ml_collections.ConfigDict
) -> input_pipeline.Examples:
  """Returns the slices of train that the network has seen."""
  if not config.data.per_class:
    return examples
  return examples.take(
    examples_lib.few_shot_indices(
      examples,
      per_class=config.data.per_class,
      by=config.data.per_class_by,
      seed=config.seed,
    )
  )
