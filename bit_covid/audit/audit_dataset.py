# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit-covid audit`: a data set is read, checked and reported."""

import argparse
from collections.abc import Mapping
import pathlib

from etils import epath
import ml_collections

from bit_covid.analysis import class_mapping
from bit_covid.analysis import predictions
from bit_covid.audit import all_checks
from bit_covid.audit import model
from bit_covid.audit import output
from bit_covid.audit import slices
from bit_covid.audit.model import external_set
from bit_covid.audit.model import subject as subject_lib
from bit_covid.base import checksums
from bit_covid.base import command
from bit_covid.base import compilation_cache
from bit_covid.base import config_files
from bit_covid.base import lines
from bit_covid.training import ledger
from bit_covid.training import run_lock
import input_pipeline
from input_pipeline import body_crop
from input_pipeline import conventions
from input_pipeline import covidx_ct
from input_pipeline import hulls
from input_pipeline.covidx_ct import versions

# A network takes longer for an image than all checks of the data do.
_IMAGES_FOR_NETWORK = 5000


def run(arguments: argparse.Namespace) -> int:
  """Returns the exit code after an audit; the arguments are of `command`."""
  splits = {}
  if arguments.lists_only:
    found = _read_lists(arguments)
  else:
    splits = input_pipeline.load_all_splits(_config(arguments))
    found = slices.from_examples(splits)
  # Before the images are read, which takes long.
  subject = _load_subject(arguments, splits) if arguments.run else None
  findings = all_checks.find(
    found,
    body_box=body_crop.body_box,
    lungs=hulls.lungs,
    max_images=arguments.max_images,
    seed=arguments.seed,
  )
  if subject is not None:
    findings += model.audit_model(subject)
  headline = output.headline(arguments.dataset, found.table)
  output.show(headline, findings)
  if arguments.output:
    facts = {
      'dataset': arguments.dataset,
      'slices': len(found.table),
      'patients': found.table['patient_id'].nunique()
      if predictions.knows_patients(found.table)
      else None,
      'max_images': 0 if arguments.lists_only else arguments.max_images,
      'seed': arguments.seed,
    }
    page = output.write(arguments.output, headline, findings, facts)
    lines.say(f'Page: {page}')
  has_failed = any(each.severity == 'FAILED' for each in findings)
  return command.NOT_DONE if has_failed else 0


def _load_subject(
  arguments: argparse.Namespace,
  splits: Mapping[str, input_pipeline.Examples],
) -> subject_lib.Subject:
  compilation_cache.enable()
  drawing = {
    'max_images': arguments.max_images or _IMAGES_FOR_NETWORK,
    'seed': arguments.seed,
  }
  subject = subject_lib.load(arguments.run, splits, **drawing)
  external = external_set.load(
    arguments.external,
    subject.network,
    chosen=class_mapping.parse(arguments.map),
    data_dir=arguments.data_dir,
    **drawing,
  )
  subject = subject._replace(
    random_labels=arguments.random_labels, external=external
  )
  _note_external(subject)
  return subject


def _note_external(subject: subject_lib.Subject) -> None:
  """Adds the external data to the ledger of the run.

  Who keeps the network that is best on them has chosen by them. It is done
  before the work, which would be lost if another command held the run.
  """
  if not subject.external:
    return
  digest = checksums.of_file(subject.workdir / 'model.npz')
  with run_lock.hold(subject.workdir, flag='--run'):
    for each in subject.external.values():
      data = each.examples.fingerprint
      ledger.add(
        subject.workdir, 'external', checkpoint=digest, fingerprint=data
      )


def _read_lists(arguments: argparse.Namespace) -> slices.Slices:
  name, _, version = arguments.dataset.partition('/')
  configs = covidx_ct.Builder.builder_configs
  if name != 'covidx_ct' or version not in configs:
    raise ValueError(
      f'--lists_only goes with {", ".join(f"covidx_ct/{x}" for x in configs)}; '
      f'not with {arguments.dataset}.'
    )
  splits = versions.read_splits(
    configs[version], epath.Path(arguments.data).expanduser()
  )
  return slices.from_split_files(splits, conventions.COVIDX_CT)


def _config(arguments: argparse.Namespace) -> ml_collections.ConfigDict:
  """Returns the field `data` of a config for what the arguments name."""
  dataset = arguments.dataset
  file, _, short_form = dataset.partition(':')
  is_own = pathlib.Path(dataset).expanduser().exists()
  if file.endswith('.py') or (file in config_files.NAMES and not is_own):
    config = config_files.get_config(file, short_form or None).data
  else:
    config = ml_collections.ConfigDict(
      {
        'name': 'image_folder' if is_own else dataset,
        'path': dataset if is_own else '',
        'data_dir': '',
        'image_folder': '',
        'range_16bit': conventions.FULL_RANGE_16BIT,
      }
    )
  config.path = arguments.data or config.path
  config.data_dir = arguments.data_dir or config.data_dir
  config.image_folder = arguments.image_folder or config.image_folder
  return config
