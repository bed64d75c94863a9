# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""axe-core finds no fault in the page, before and after a result."""

import json

import numpy as np
import pytest

from bit_covid.analysis import similar_patients
from tests import browser

pytestmark = pytest.mark.slow


def _faults(page):
  page.run(f'{browser.axe()};0')
  return json.loads(page.run(browser.AXE_RUN))


@pytest.mark.parametrize('width', [1280, 390])
def test_the_page_can_be_read_with_a_screen_reader(
  width, client, page, classifier, series, monkeypatch
):
  patients = similar_patients.Patients(
    np.zeros(12, int), np.full((12, 3), 1 / 3), np.full(12, 9)
  )
  monkeypatch.setattr(classifier, 'patients', patients)
  client.server.sessions.close_all()
  page.goto(client.url, width, 844)
  page.wait("!document.getElementById('start').hidden")
  assert _faults(page) == []
  page.choose_files('files', series)
  page.wait("!document.getElementById('result').hidden")
  assert 'validation patients' in page.text('certainty').lower()
  assert _faults(page) == []
