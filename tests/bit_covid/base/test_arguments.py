# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Paths that do not exist, and where --dicom and --key may lie."""

import argparse
import re
import types

import pytest

from bit_covid.base import arguments as arguments_lib


@pytest.fixture(autouse=True)
def installed(monkeypatch):
  _install(monkeypatch, object())


def _install(monkeypatch, found):
  finder = types.SimpleNamespace(find_spec=lambda name: found)
  monkeypatch.setattr(arguments_lib, 'util', finder)


def _check(folder, **paths):
  names = {'output': 'results', 'dicom': None, 'key': None} | paths
  arguments_lib.check_clinic(
    argparse.Namespace(
      **{k: None if v is None else folder / v for k, v in names.items()}
    )
  )


def test_places_beside_the_results(tmp_path):
  _check(tmp_path)
  _check(tmp_path, dicom='dicom', key='key.csv')
  # A name that only begins like that of the results.
  _check(tmp_path, dicom='results_dicom', key='results.csv')


@pytest.mark.parametrize(
  ('paths', 'message'),
  [
    ({'key': 'results/key.csv'}, '--key=.* lies in --output='),
    ({'key': 'other/../results/a/key.csv'}, '--key=.* lies in --output='),
    ({'dicom': 'results/dicom'}, '--dicom=.* lies in --output='),
    ({'dicom': 'results'}, '--dicom=.* lies in --output='),
    ({'output': 'a/results', 'dicom': 'a'}, '--output=.* lies in --dicom='),
    ({'key': 'old.csv'}, '--key=.*old.csv exists; name a new file'),
    ({'key': 'old.csv/key.csv'}, 'old.csv is a file; name a folder'),
    ({'dicom': 'full'}, '--dicom=.*full exists and is not empty'),
  ],
)
def test_other_places_are_refused(tmp_path, paths, message):
  (tmp_path / 'old.csv').touch()
  (tmp_path / 'full').mkdir()
  (tmp_path / 'full/x').touch()
  with pytest.raises(ValueError, match=message):
    _check(tmp_path, **paths)


def test_a_link_into_the_results_is_found(tmp_path):
  (tmp_path / 'results').mkdir()
  (tmp_path / 'link').symlink_to(tmp_path / 'results')
  with pytest.raises(ValueError, match='lies in --output'):
    _check(tmp_path, key='link/key.csv')


def test_a_missing_package_is_named_with_what_installs_it(
  tmp_path, monkeypatch
):
  _install(monkeypatch, None)
  with pytest.raises(ValueError, match=r"pip install 'bit-covid\[dicom\]'"):
    _check(tmp_path, dicom='dicom')
  _check(tmp_path, key='key.csv')


def test_paths_at_which_there_is_nothing_are_named(tmp_path):
  (tmp_path / 'file').touch()
  there = (tmp_path, str(tmp_path / 'file'), '', None)
  arguments_lib.check_exist(*there, expected='a file')
  absent = tmp_path / 'absent'
  message = f'{absent} does not exist. Give a file.'
  with pytest.raises(FileNotFoundError, match=re.escape(message)):
    arguments_lib.check_exist(*there, absent, expected='a file')
