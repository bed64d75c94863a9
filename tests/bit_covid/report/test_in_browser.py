# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The report in headless Chromium, as wide as a desktop and as a phone."""

import pytest

from bit_covid import report
from tests import browser

# What is wider than the page and not in a box of its own that scrolls, and
# which images do not show.
_SCRIPT = """
(page => JSON.stringify({
  inner: window.innerWidth,
  scroll: page.scrollWidth,
  broken: [...document.images].filter(x => !x.naturalWidth).length,
  images: document.images.length,
  tables: document.querySelectorAll('table').length,
  scrolling: document.querySelectorAll('.scroll > table').length,
  wide: [...document.querySelectorAll('body *')].filter(
    x => !x.closest('table')
      && x.getBoundingClientRect().right > page.clientWidth + 1
  ).map(x => x.tagName),
}))(document.documentElement)
"""


@pytest.mark.slow
def test_nothing_is_cut_off_and_no_image_is_broken(make_run, tmp_path):
  path = report.write_report(
    make_run(with_maps=True),
  )
  for width in (1280, 390):
    found = browser.measure(
      path.read_text('utf-8'), _SCRIPT, folder=tmp_path, width=width
    )
    assert found['inner'] == width
    assert found['scroll'] <= found['inner']
    assert found['wide'] == []
    assert (found['images'], found['broken']) == (11, 0)
    assert found['tables'] == found['scrolling']


@pytest.mark.slow
def test_the_report_can_be_read_with_a_screen_reader(make_run, tmp_path):
  path = report.write_report(make_run(with_maps=True))
  assert browser.faults(path.read_text('utf-8'), tmp_path) == []
