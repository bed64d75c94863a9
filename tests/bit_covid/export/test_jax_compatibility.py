# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""When JAX does not promise to read an export."""

import datetime
import json
import warnings

import jax
import pytest

from bit_covid.export import jax_compatibility
from bit_covid.export import stablehlo_format


def _describe(folder, *, written='2026-01-31', version='0.10.2'):
  content = {'written': written, 'versions': {'jax': version}}
  (folder / 'preprocessing.json').write_text(json.dumps(content))


@pytest.mark.parametrize(
  ('day', 'version'),
  [
    ('2026-01-31', '0.10.2'),
    ('2026-07-30', '0.11.0'),
    ('2036-01-31', '0.10.2'),
    ('2026-02-01', '0.10.2.dev20260201'),
  ],
)
def test_nothing_is_said_within_the_promise(tmp_path, day, version):
  _describe(tmp_path)
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    jax_compatibility.warn_outside_promise(
      tmp_path, today=datetime.date.fromisoformat(day), jax_version=version
    )


@pytest.mark.parametrize(
  ('day', 'version', 'message'),
  [
    ('2026-07-31', '0.11.0', 'a later one is sure to read it for six months'),
    ('2026-02-01', '0.10.1', 'not sure that an earlier one can read it'),
    ('2026-02-01', '0.9.9', 'not sure that an earlier one can read it'),
  ],
)
def test_what_is_older_or_newer_is_said(tmp_path, day, version, message):
  _describe(tmp_path)
  today = datetime.date.fromisoformat(day)
  with pytest.warns(UserWarning, match=message) as found:
    jax_compatibility.warn_outside_promise(
      tmp_path, today=today, jax_version=version
    )
  text = str(found[0].message)
  assert (
    f'written on 2026-01-31 by jax 0.10.2, and this is jax {version}' in text
  )


def test_an_export_holds_its_day_and_its_jax(exports):
  folder = exports('stablehlo')
  description = json.loads((folder / 'preprocessing.json').read_text())
  day = datetime.date.fromisoformat(description['written'])
  assert abs((datetime.date.today() - day).days) <= 1
  assert description['versions']['jax'] == jax.__version__
  text = (folder / 'README.md').read_text()
  assert f'Written on {day} with ' in text
  assert f'jax {jax.__version__}' in text
  assert 'The\nformats `npz` and `onnx` are for keeping.' in text
  assert 'warn_outside_promise(folder)' in (folder / 'example.py').read_text()


def test_reading_it_warns(exports, monkeypatch):
  warned = []
  monkeypatch.setattr(jax_compatibility, 'warn_outside_promise', warned.append)
  folder = exports('stablehlo')
  stablehlo_format.read(folder)
  assert folder in warned
