# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the first of several hosts wrote has to be seen by all of them."""

from collections.abc import Callable, Sequence
import hashlib
import time

from etils import epath
import jax

from bit_covid.base import hosts

# A network disk may show a host a view that is as old as a minute.
_SECONDS_BETWEEN_VIEWS = 5
_VIEWS = 13


def check_seen(path: epath.Path) -> None:
  """Waits until all hosts see a file as the first host has written it.

  Raises:
    ValueError: some do not.
  """
  seen = wait_until_same(lambda: _digest(path))
  others = [str(i) for i, text in enumerate(seen) if text != seen[0]]
  if others:
    raise ValueError(
      f'Host {", ".join(others)} does not see {path} as host 0 has written it. '
      'Put the work directory on a disk that all hosts share, under the same '
      'path on each.'
    )


def wait_until_same(view: Callable[[], str]) -> Sequence[str]:
  """Returns the views of all hosts, when they are the same or after a minute.

  The function returns what this host sees; it is called again until then.
  """
  for attempt in range(_VIEWS):
    if attempt:
      time.sleep(_SECONDS_BETWEEN_VIEWS)
    views = hosts.texts_of_all(view())
    if len(set(views)) == 1:
      break
  return views


def _digest(path: epath.Path) -> str:
  if jax.process_count() == 1:
    return ''
  try:
    return hashlib.sha256(path.read_bytes()).hexdigest()
  except OSError:
    return 'missing'
