# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the files of one call may use together."""

from input_pipeline.scans import limits


class BudgetError(ValueError):
  """More would be used than is left. The message does not name the file."""


class Budget:
  """What is left of bytes, files, slices and seconds of decoding.

  An archive has a budget of its own. What it uses also counts for the archive
  that holds it, and for the call.

  Attributes:
    bytes: number of bytes that may still be unpacked.
    files: number of files that may still be unpacked.
    slices: number of slices that may still be found.
    seconds: processor time that slices may still take beyond a second each.
  """

  def __init__(self, outer: 'Budget | None' = None, packed: int = 0):
    """Makes the budget of a call, or of an archive.

    Args:
      outer: that of the call or the archive which holds the archive.
      packed: size of the archive in bytes.
    """
    self._outer = outer
    self.bytes = self._all_bytes = (
      limits.ARCHIVE_BYTES
      if outer is None
      else max(limits.ARCHIVE_FREE_BYTES, limits.ARCHIVE_RATIO * packed)
    )
    self.files = self._all_files = limits.ARCHIVE_FILES
    self.slices = limits.SLICES
    self.seconds = limits.CALL_SECONDS

  def check(self, *, size: int = 0, files: int = 0) -> None:
    """Checks what is to be unpacked.

    Args:
      size: number of bytes.
      files: number of files.

    Raises:
      BudgetError: less is left.
    """
    what = 'it unpacks' if self._outer else 'the files of a call unpack'
    for needed, left, limit, unit in (
      (size, self.bytes, self._all_bytes, 'bytes'),
      (files, self.files, self._all_files, 'files'),
    ):
      if needed > left:
        raise BudgetError(
          f'{what} to more than {limit:,} {unit}; unpack it yourself if you '
          'trust it'
        )
    if self._outer:
      self._outer.check(size=size, files=files)

  def take(self, *, size: int = 0, files: int = 0) -> None:
    """Subtracts what is unpacked; nothing where it is too much.

    Raises:
      BudgetError: less is left.
    """
    self.check(size=size, files=files)
    if self._outer:
      self._outer.take(size=size, files=files)
    self.bytes -= size
    self.files -= files

  def give_back(self) -> None:
    """Undoes all that an archive took, whose files were removed."""
    size, files = self._all_bytes - self.bytes, self._all_files - self.files
    self.take(size=-size, files=-files)

  def take_slices(self, count: int) -> None:
    """Subtracts slices; nothing where they are too many.

    Raises:
      BudgetError: fewer are left.
    """
    if count > self.slices:
      raise BudgetError(
        f'the files before it and this one hold more than {limits.SLICES:,} '
        'slices; give fewer at a time'
      )
    self.slices -= count

  def slice_seconds(self) -> float:
    """Returns the processor time that decoding the next slice may take.

    It is at least a second, so that files which take too long do not keep
    others from being read.
    """
    return min(limits.DECODING_SECONDS, 1 + self.seconds)

  def take_seconds(self, seconds: float) -> None:
    """Subtracts the processor time of a slice, of which a second is free."""
    self.seconds = max(0.0, self.seconds - max(0.0, seconds - 1))
