# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes a small checkpoint file, to be distributed with the package.

    python -m bit_covid.cli.pack_weights runs/textures_m/model.npz \
        bit_covid/weights/Textures-M-tiny.npz

The result is a BiT .npz file in float32, which any BiT loader reads. It has
half the size, since the parameters are rounded to bfloat16 and compressed.
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
      model_name=checkpoint.model_name,
      metadata=checkpoint.metadata,
    )
    files.write(epath.Path(target), _pack(rounded))


def _round(array: np.ndarray) -> np.ndarray:
  """Returns the array rounded to bfloat16, as float32.

  It keeps 8 of 24 significant bits: a parameter changes by 0.4 % at most.
  """
  return np.asarray(array).astype(jnp.bfloat16).astype(np.float32)


def _pack(path: epath.Path) -> bytes:
  """Returns the archive compressed; equal contents give equal bytes."""
  buffer = io.BytesIO()
  packed = zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED, compresslevel=9)
  with zipfile.ZipFile(path) as archive, packed:
    for name in sorted(archive.namelist()):
      # Without today's date, so that the bytes depend on the content alone.
      info = zipfile.ZipInfo(name)
      packed.writestr(info, archive.read(name), zipfile.ZIP_DEFLATED)
  return buffer.getvalue()


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after packing the checkpoint."""
  parser = command.make_parser(
    'bit_covid.cli.pack_weights',
    description='Makes a small checkpoint file.',
    examples=('runs/textures_m/model.npz Textures-M-tiny.npz',),
  )
  parser.add_argument('source', metavar='SOURCE', help='a BiT .npz file')
  parser.add_argument('target', metavar='TARGET', help='the file to write')
  return command.main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> int:
  embed(arguments.source, arguments.target)
  return 0


if __name__ == '__main__':
  sys.exit(main())
