# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Errors of a save are raised by Orbax, and printed by nobody before."""

from collections.abc import Iterator
import contextlib
import logging as logging_lib
import sys
from typing import Any

from absl import logging


@contextlib.contextmanager
def not_printed() -> Iterator[None]:
  """Keeps the errors of saves within the block from being printed.

  Orbax logs them. Of the writes that TensorStore has begun, it waits for the
  first that fails; the others fail as well, and find nobody who waits.
  """
  logger, before = logging.get_absl_logger(), sys.unraisablehook

  def is_shown(record: logging_lib.LogRecord) -> bool:
    return not (record.exc_info and 'orbax' in record.pathname)

  def show(unraisable: Any) -> None:
    if str(unraisable.exc_value) != 'Event loop is closed':
      before(unraisable)

  logger.addFilter(is_shown)
  sys.unraisablehook = show
  try:
    yield
  finally:
    logger.removeFilter(is_shown)
    sys.unraisablehook = before
