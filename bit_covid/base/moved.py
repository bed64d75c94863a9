# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Modules that moved to a room go on working under the names they had.

`import bit_covid.resnet_v2` gives `bit_covid.models.resnet_v2` itself, and
`python -m bit_covid.verify` runs `bit_covid.cli.verify`.
"""

# A Python that is too old must come as far as the message that says so.
from __future__ import annotations

from collections.abc import Sequence
import importlib
from importlib import machinery
import sys
import types

# The new names by the old ones; what lies below an old name moved with it.
MOVED = {
  'bit_covid.absl_command': 'bit_covid.main',
  'bit_covid.analysis.bootstrap': 'bit_covid.analysis.intervals',
  'bit_covid.analysis.compare': 'bit_covid.cli.compare',
  'bit_covid.analysis.patients': 'bit_covid.analysis.aggregation',
  'bit_covid.analysis.report': 'bit_covid.report',
  'bit_covid.atomic_file': 'bit_covid.base.files',
  'bit_covid.bit_npz': 'bit_covid.weights.bit_npz',
  'bit_covid.checkpoints': 'bit_covid.training.checkpoints',
  'bit_covid.class_maps': 'bit_covid.models.class_maps',
  'bit_covid.cli.absl_command': 'bit_covid.main',
  'bit_covid.command_line': 'bit_covid.cli.command_line',
  'bit_covid.commands': 'bit_covid.base.command',
  'bit_covid.compare': 'bit_covid.cli.compare',
  'bit_covid.compilation_cache': 'bit_covid.base.compilation_cache',
  'bit_covid.convolution': 'bit_covid.models.ops.conv',
  'bit_covid.devices': 'bit_covid.base.devices',
  'bit_covid.evaluate': 'bit_covid.inference.evaluate',
  'bit_covid.evaluate_command': 'bit_covid.cli.evaluate',
  'bit_covid.evaluated_network': 'bit_covid.training.run_identity',
  'bit_covid.from_dicom': 'bit_covid.cli.from_dicom',
  'bit_covid.gradcam': 'bit_covid.models.gradcam',
  'bit_covid.gradcam_evidence': 'bit_covid.training.map_evidence',
  'bit_covid.gradcam_panels': 'bit_covid.training.map_panels',
  'bit_covid.group_norm': 'bit_covid.models.ops.group_norm',
  'bit_covid.host_memory': 'bit_covid.base.host_memory',
  'bit_covid.max_pool': 'bit_covid.models.ops.max_pool',
  'bit_covid.metric_log': 'bit_covid.training.metric_log',
  'bit_covid.mixup': 'bit_covid.training.mixup',
  'bit_covid.model_metadata': 'bit_covid.weights.metadata',
  'bit_covid.npz_archive': 'bit_covid.weights.npz_archive',
  'bit_covid.paper.cost': 'bit_covid.training.cost',
  'bit_covid.paper.covidnet_files': 'bit_covid.paper.covidnet.run',
  'bit_covid.paper.covidnet_graph': 'bit_covid.paper.covidnet.graph',
  'bit_covid.paper.covidnet_run': 'bit_covid.paper.covidnet.run',
  'bit_covid.paper.queue': 'bit_covid.training.queue',
  'bit_covid.pretrained': 'bit_covid.weights.find',
  'bit_covid.progress': 'bit_covid.base.progress',
  'bit_covid.resnet_v2': 'bit_covid.models.resnet_v2',
  'bit_covid.run_facts': 'bit_covid.training.run_identity',
  'bit_covid.scan_classifier': 'bit_covid.inference.load',
  'bit_covid.scan_index': 'bit_covid.scoring.index',
  'bit_covid.scan_montage': 'bit_covid.scoring.gradcam_montage',
  'bit_covid.scan_output': 'bit_covid.scoring.output',
  'bit_covid.scan_page': 'bit_covid.scoring.page',
  'bit_covid.scan_results': 'bit_covid.scoring.score',
  'bit_covid.scan_table': 'bit_covid.scoring.tables',
  'bit_covid.schedule': 'bit_covid.training.schedule',
  'bit_covid.scoring.montage': 'bit_covid.scoring.gradcam_montage',
  'bit_covid.shifted_maps': 'bit_covid.models.ops.windows',
  'bit_covid.split': 'bit_covid.cli.split',
  'bit_covid.stopwatch': 'bit_covid.base.stopwatch',
  'bit_covid.train': 'bit_covid.training.train',
  'bit_covid.train_step': 'bit_covid.training.train_step',
  'bit_covid.training.evaluated_network': 'bit_covid.training.run_identity',
  'bit_covid.training.provenance': 'bit_covid.training.run_identity',
  'bit_covid.value_range': 'bit_covid.models.normalize',
  'bit_covid.verification': 'bit_covid.cli.verification',
  'bit_covid.verify': 'bit_covid.cli.verify',
  'bit_covid.weight_standardization': (
    'bit_covid.models.ops.weight_standardization'
  ),
  'bit_covid.weights.embed': 'bit_covid.cli.pack_weights',
  'bit_covid.work_directory': 'bit_covid.training.run_directory',
}

# What `python -m` runs under names whose modules of today run nothing.
_RUN = {
  'bit_covid.evaluate': 'bit_covid.cli.evaluate',
  'bit_covid.train': 'bit_covid.main',
}


def new_name(name: str) -> str | None:
  """Returns today's name of a module, or None if it did not move."""
  for old, new in MOVED.items():
    if name == old or name.startswith(f'{old}.'):
      return new + name.removeprefix(old)
  return None


class _Loader:
  """Loads a module under its former name as the module of its new name."""

  def __init__(self, spec: machinery.ModuleSpec):
    self._spec = spec

  def create_module(self, spec: machinery.ModuleSpec) -> types.ModuleType:
    return importlib.import_module(self._spec.name)

  def exec_module(self, module: types.ModuleType) -> None:
    # The import system has just written the former name into it.
    module.__spec__ = self._spec

  def get_code(self, fullname: str) -> types.CodeType | None:
    """Returns what `python -m` runs."""
    # As in `_Finder`.
    from importlib import util

    spec = util.find_spec(_RUN.get(fullname, self._spec.name))
    return spec.loader.get_code(spec.name)


class _Finder:
  """Finds modules by their former names."""

  def find_spec(
    self,
    fullname: str,
    path: Sequence[str] | None,
    target: types.ModuleType | None = None,
  ) -> machinery.ModuleSpec | None:
    # Quickly, as every import of the process comes here.
    name = new_name(fullname) if fullname.startswith('bit_covid.') else None
    if name is None:
      return None
    # It takes longer to import than the rest of `import bit_covid`.
    from importlib import util

    found = util.find_spec(name)
    if found is None:
      return None
    return machinery.ModuleSpec(
      fullname,
      _Loader(found),
      origin=found.origin,
      is_package=found.submodule_search_locations is not None,
    )


def install() -> None:
  """Makes the old names work in this process; does nothing the second time."""
  if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
    # Before Python's own finders, which would load a part of a package that
    # moved a second time, under its former name.
    sys.meta_path.insert(0, _Finder())
