# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Images that other code drew are not taken for those of this one."""

import pathlib
import shutil

import pytest

from input_pipeline import drawn_builder
from input_pipeline import phantom
from input_pipeline import textures


@pytest.mark.parametrize('package', [phantom, textures])
def test_each_change_of_the_code_is_another_folder(tmp_path, package):
  folder = pathlib.Path(package.__file__).parent
  builder = package.Builder(config='tiny', data_dir=tmp_path)
  version = drawn_builder.version_of(folder)
  assert builder.data_path == tmp_path / builder.name / 'tiny' / str(version)
  copy = shutil.copytree(folder, tmp_path / 'copy')
  assert drawn_builder.version_of(copy) == version
  sources = sorted(copy.glob('*.py'))
  assert f'{builder.name}_dataset_builder.py' in {x.name for x in sources}
  for source in sources:
    whole = source.read_bytes()
    source.write_bytes(whole + b'# A comment.\n')
    assert drawn_builder.version_of(copy) != version
    source.write_bytes(whole)
