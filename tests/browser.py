# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A page without scripts in headless Chromium: what a script finds in it."""

import html
import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
from typing import Any

import pytest

_NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
# Packages that hold axe-core, which finds faults of accessibility. The first
# has a newer one, but asks for Playwright; the second is in the extra `test`.
_AXE = ('axe_playwright_python', 'axe_core_python')
# In a frame: headless Chromium makes no window as narrow as a phone.
_FRAME = """<!DOCTYPE html><html lang="en"><body><pre id="result"></pre>
<script>
window.onmessage = x => document.getElementById('result').textContent = x.data;
</script>
<iframe src="copy.html" style="border: 0; width: {width}px; height: 900px">
</iframe></body></html>"""
# Shadows at the edges of tables would hide the colour behind their text.
AXE_RUN = """
axe.run().then(found => JSON.stringify(found.violations.flatMap(
  x => x.nodes.map(node => `${x.impact} ${x.id}: ${node.html.slice(0, 200)}`)
)))
"""
_PLAIN = '<style>.scroll { background: none !important; }</style>'


def find() -> str:
  """Returns the path of Chromium; skips the test where there is none."""
  path = next(filter(None, map(shutil.which, _NAMES)), None)
  if path is None:
    pytest.skip(f'there is no Chromium here ({", ".join(_NAMES)})')
  return path


def axe() -> str:
  """Returns the script of axe-core; skips the test where there is none."""
  for name in _AXE:
    spec = importlib.util.find_spec(name)
    if spec is not None:
      return (
        pathlib.Path(spec.origin).with_name('axe.min.js').read_text('utf-8')
      )
  pytest.skip('there is no axe-core here: pip install axe-core-python')


def measure(page: str, script: str, *, folder: pathlib.Path, width: int) -> Any:
  """Returns the value, or the promise of one, of a script in a page.

  Args:
    page: HTML. It has no script: this is in a copy.
    script: an expression whose value is a JSON text.
    folder: for the copy, and a profile of the browser.
    width: of the window in pixels.
  """
  page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', '', page)
  assert '</body>' in page
  sent = f'Promise.resolve({script.strip().rstrip(";")})'
  added = f"<script>{sent}.then(x => parent.postMessage(x, '*'));</script>"
  (folder / 'copy.html').write_text(
    page.replace('</body>', f'{added}</body>'), 'utf-8'
  )
  frame = folder / 'frame.html'
  frame.write_text(_FRAME.format(width=width))
  dom = subprocess.run(
    [
      find(),
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
  found = re.search(r'<pre id="result">(.*?)</pre>', dom, re.DOTALL)
  return json.loads(html.unescape(found.group(1)))


def faults(page: str, folder: pathlib.Path) -> list[str]:
  """Returns the faults of accessibility of a page, on a desktop and a phone."""
  script = axe().replace('</', '<\\/')
  page = page.replace('</body>', f'{_PLAIN}<script>{script}</script></body>')
  return [
    f'{width} px: {fault}'
    for width in (1280, 390)
    for fault in measure(page, AXE_RUN, folder=folder, width=width)
  ]
