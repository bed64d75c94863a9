# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes a small file of a run's result, to come with the package.

    python -m bit_covid.cli.pack_weights runs/textures_m/model.npz \
        bit_covid/weights/Textures-M-tiny.npz

Still a BiT .npz file in float32, which any BiT loader reads; half its size, as
the numbers are rounded to those of bfloat16 and the zeros packed away.
"""

import argparse
from collections.abc import Sequence
import io
import os
import sys
import tempfile
import zipfile

from etils import epath
import jax
import jax.numpy as jnp
import numpy as np

from bit_covid.base import command
from bit_covid.base import files
from bit_covid.weights import bit_npz


def embed(
  source: str | os.PathLike[str], target: str | os.PathLike[str]
) -> None:
  """Writes the checkpoint `source`, rounded and packed, to `target`.

  Raises:
    FileNotFoundError, ValueError: `source` is no checkpoint.
  """
  checkpoint = bit_npz.load(source)
  with tempfile.TemporaryDirectory() as folder:
    rounded = epath.Path(folder) / 'rounded.npz'
    bit_npz.save(
      rounded,
      jax.tree.map(_round, checkpoint.params),
      model=checkpoint.model,
      metadata=checkpoint.metadata,
    )
    files.write(epath.Path(target), _pack(rounded))


def _round(array: np.ndarray) -> np.ndarray:
  """Returns the nearest numbers of bfloat16, which has 8 of 24 bits, float32.

  That moves a kernel by 0.4 % at most, and all of it is standardized later.
  """
  return np.asarray(array).astype(jnp.bfloat16).astype(np.float32)


def _pack(path: epath.Path) -> bytes:
  """Returns the archive compressed; the same for the same content."""
  buffer = io.BytesIO()
  with (
    zipfile.ZipFile(path) as archive,
    zipfile.ZipFile(
      buffer, 'w', zipfile.ZIP_DEFLATED, compresslevel=9
    ) as packed,
  ):
    for name in sorted(archive.namelist()):
      # Dated 1980, as NumPy does it, and not now.
      info = zipfile.ZipInfo(name)
      packed.writestr(info, archive.read(name), zipfile.ZIP_DEFLATED)
  return buffer.getvalue()


def main(argv: Sequence[str] | None = None) -> int:
  """Does what the arguments ask for; returns the exit code."""
  return command.main(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.cli.pack_weights',
    description="Makes a small file of a run's result.",
    examples=('runs/textures_m/model.npz Textures-M-tiny.npz',),
  )
  parser.add_argument('source', metavar='SOURCE', help='a BiT .npz file')
  parser.add_argument('target', metavar='TARGET', help='the file to write')
  return parser


def _run(arguments: argparse.Namespace) -> int:
  embed(arguments.source, arguments.target)
  return 0


if __name__ == '__main__':
  sys.exit(main())
