# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The report in headless Chromium, as wide as a desktop and as a phone."""

import json
import re
import shutil
import subprocess

import pytest

from bit_covid import report

_NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
# What is wider than the page and not in a box of its own that scrolls, and
# which images do not show. The page itself has no script: this is in a copy.
_SCRIPT = """
<script>
const page = document.documentElement;
const result = {
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
};
parent.postMessage(JSON.stringify(result), '*');
</script>
"""
# In a frame: headless Chromium makes no window as narrow as a phone.
_FRAME = """<!DOCTYPE html><html><body><pre id="result"></pre>
<script>
window.onmessage = x => document.getElementById('result').textContent = x.data;
</script>
<iframe src="copy.html" style="border: 0; width: {width}px; height: 900px">
</iframe></body></html>"""


@pytest.fixture
def browser():
  path = next(filter(None, map(shutil.which, _NAMES)), None)
  if path is None:
    pytest.skip(f'there is no Chromium here ({", ".join(_NAMES)})')
  return path


def _measure(browser, folder, page, width):
  page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', '', page)
  assert '</body>' in page
  (folder / 'copy.html').write_text(
    page.replace('</body>', f'{_SCRIPT}</body>'), 'utf-8'
  )
  frame = folder / 'frame.html'
  frame.write_text(_FRAME.format(width=width))
  dom = subprocess.run(
    [
      browser,
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--no-first-run',
      '--virtual-time-budget=10000',
      f'--user-data-dir={folder / "profile"}',
      f'--window-size={max(width, 500)},1000',
      '--dump-dom',
      frame.as_uri(),
    ],
    check=True,
    capture_output=True,
    text=True,
    timeout=120,
  ).stdout
  return json.loads(re.search(r'<pre id="result">(.*?)</pre>', dom).group(1))


@pytest.mark.slow
def test_nothing_is_cut_off_and_no_image_is_broken(make_run, tmp_path, browser):
  path = report.write_report(
    make_run(with_maps=True),
  )
  for width in (1280, 390):
    found = _measure(browser, tmp_path, path.read_text('utf-8'), width)
    assert found['inner'] == width
    assert found['scroll'] <= found['inner']
    assert found['wide'] == []
    assert (found['images'], found['broken']) == (11, 0)
    assert found['tables'] == found['scrolling']
