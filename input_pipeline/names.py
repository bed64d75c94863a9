# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks the names of classes, splits and patients in the user's lists.

What looks like one name must not become two classes, nor one patient two.
"""

from collections.abc import Mapping, Sequence
import os
import pathlib
from typing import Any
import unicodedata


def check_spellings(
  kind: str, places: Mapping[str, str], *, show: bool = True
) -> None:
  """Checks that no two names differ in capitals, blanks or code points alone.

  Args:
    kind: what the names are of, such as 'class'.
    places: where each name occurs first.
    show: whether the message may show the names, escaped.

  Raises:
    ValueError: two names do.
  """
  first: dict[str, str] = {}
  for name, place in places.items():
    other = first.setdefault(_plain_form(name), name)
    if other != name:
      this, that = (f' {name!a}', f'{other!a}') if show else ('', 'otherwise')
      raise ValueError(
        f'{place}: the {kind}{this} is written {that} in {places[other]}. '
        'Write it in the same way everywhere, or, if there are two, make their '
        'names differ in a letter or a digit.'
      )


def check_names(kind: str, places: Mapping[str, str]) -> None:
  """Checks names of classes or splits, which become names of result files.

  Arguments are those of `check_spellings`, which is called too.

  Raises:
    ValueError: a name cannot be that of a file.
  """
  for name, place in places.items():
    problem = None
    if not name.isprintable():
      problem = 'has a character that cannot be seen'
    elif name != name.strip():
      problem = 'begins or ends with a blank'
    elif name.startswith('.') or '/' in name or '\\' in name:
      problem = 'begins with a dot or has a slash'
    elif len(name.encode()) > 200:
      problem = f'takes {len(name.encode())} bytes, which is more than 200'
    if problem:
      raise ValueError(
        f'{place}: the {kind} {name!a} {problem}. Rename it, as files of '
        'results are named after it.'
      )
  check_spellings(kind, places)


def check_utf8(path: pathlib.Path) -> None:
  """Checks the name of a file.

  Raises:
    ValueError: it is not UTF-8. The message shows it escaped.
  """
  shown = os.fsencode(path).decode('utf-8', 'backslashreplace')
  if shown != str(path):
    raise ValueError(f'{shown}: the name of this file is not UTF-8. Rename it.')


def check_patients(splits: Mapping[str, Sequence[Any]]) -> None:
  """Checks that each patient is in one split.

  Args:
    splits: the images of each split, which have a `patient_id` and a `place`.

  Raises:
    ValueError: a patient is in several splits.
  """
  first_seen: dict[str, tuple[str, str]] = {}
  for split, images in splits.items():
    for image in images:
      seen_in, place = first_seen.setdefault(
        image.patient_id, (split, image.place)
      )
      if seen_in != split:
        raise ValueError(
          f'{image.place}: patient {image.patient_id!r} is in the splits '
          f'{seen_in!r} ({place}) and {split!r}. Slices of one patient are '
          'nearly alike, so results on such splits would be meaningless. Keep '
          'each patient in one split.'
        )


def _plain_form(name: str) -> str:
  letters = unicodedata.normalize('NFKC', name).casefold()
  letters = unicodedata.normalize('NFKC', letters)
  # Cf and Cc are invisible, such as the zero-width space.
  seen = [x for x in letters if unicodedata.category(x) not in ('Cf', 'Cc')]
  return ' '.join(''.join(seen).split())
