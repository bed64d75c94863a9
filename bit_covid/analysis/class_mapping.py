# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Matches the classes of another data set with those of a network.

Names are compared by what they mean, so COVID is NCP, and non-COVID is Normal
as well as CP. Where a class of the one side is several of the other, these
become one, whose probability is the sum of theirs. docs/audit.md has the rule.
"""

from collections.abc import Mapping, Sequence
import re
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.special

from bit_covid.analysis import predictions

COVID = 'NCP'
# What names mean, in small letters and without anything but letters and digits.
_NAMES = {
  (
    COVID,
  ): 'ncp covid covid19 covidpneumonia covid19pneumonia ctcovid sarscov2 '
  'positive covidpositive covid19positive sarscov2positive pos covidpos '
  'covid19pos ncov 2019ncov coronavirus',
  ('CP',): 'cp cap commonpneumonia communityacquiredpneumonia otherpneumonia '
  'noncovidpneumonia noncovid19pneumonia',
  ('Normal',): 'normal healthy control nofinding',
  ('CP', 'Normal'): 'noncovid noncovid19 nocovid notcovid nonncp ctnoncovid '
  'negative covidnegative covid19negative sarscov2negative neg covidneg '
  'covid19neg',
}
_SIGNS = {'+': 'positive', '-': 'negative', '\N{MINUS SIGN}': 'negative'}
_MEANINGS = {
  name: set(x) for x, names in _NAMES.items() for name in names.split()
}


class ClassMapping(NamedTuple):
  """The G classes that a network and another data set have in common.

  Attributes:
    names: of the common classes, in the order of the network's.
    of_network: the common class of each class of the network, `[C]` int.
    of_data: the common class of each class of the data set, `[K]` int; -1 where
      its slices are left out.
    text: the classes of the data set by those of the network, '' if they are
      named alike.
  """

  names: tuple[str, ...]
  of_network: np.ndarray
  of_data: np.ndarray
  text: str

  @property
  def judged(self) -> int:
    """The class that sensitivity and specificity are of.

    It is that of COVID-19, or the last one if none means that.
    """
    is_covid = [_meaning(name) == {COVID} for name in self.names]
    return is_covid.index(True) if any(is_covid) else len(self.names) - 1

  def merged_logits(self, logits: np.ndarray) -> np.ndarray:
    """Returns logits `[N, G]` whose softmax is the sum of that of `[N, C]`."""
    groups = range(len(self.names))
    parts = [logits[:, self.of_network == i] for i in groups]
    merged = [scipy.special.logsumexp(x, axis=1) for x in parts]
    return np.stack(merged, axis=1).astype(logits.dtype)

  def merged_table(self, table: pd.DataFrame) -> pd.DataFrame:
    """Returns a predictions table of the network in the common classes.

    Every slice has a label.
    """
    columns = {x: table[x] for x in predictions.ID_COLUMNS if x != 'label'}
    probabilities = predictions.probabilities(table)
    return predictions.make_table(
      **columns,
      label=self.of_network[table['label'].to_numpy(np.int64)],
      probabilities=probabilities @ np.eye(len(self.names))[self.of_network],
      class_names=self.names,
    )


def parse(texts: Sequence[str]) -> dict[str, set[str]]:
  """Returns the classes of the network by those of the data, of --map.

  Raises:
    ValueError: a text is not of the form THEIRS:OURS.
  """
  chosen: dict[str, set[str]] = {}
  for text in texts:
    theirs, colon, ours = text.rpartition(':')
    if not colon or not theirs:
      raise ValueError(
        f'--map={text}; expected THEIRS:OURS, a class of the data and one of '
        'the network, or THEIRS: to leave out the slices of a class.'
      )
    chosen.setdefault(theirs, set()).update({ours} - {''})
  return chosen


def make(
  network: Sequence[str],
  data: Sequence[str],
  chosen: Mapping[str, set[str]],
) -> ClassMapping:
  """Returns the classes that a network and another data set have in common.

  Args:
    network: names of the classes that the network tells.
    data: names of the classes of the data set.
    chosen: those of the network by names of the data set, before any rule.

  Raises:
    ValueError: a class of the data set matches none of the network, or nothing
      is left to tell apart.
  """
  known = ', '.join(network)
  wrong = sorted(set().union(*chosen.values()) - set(network))
  if wrong:
    raise ValueError(
      f'--map names {", ".join(wrong)}; the network tells {known}. Give one of '
      'these after the colon.'
    )
  matches = {name: _matches(name, network, chosen) for name in data}
  unknown = [x for x in data if not matches[x] and x not in chosen]
  if unknown:
    raise ValueError(
      f'The classes {", ".join(data)} of the data include '
      f'{", ".join(unknown)}; the network tells {known}, and none of these '
      f'means the same. Give --map={unknown[0]}:CLASS with one of these, or '
      f'--map={unknown[0]}: to leave out its slices.'
    )
  group = np.arange(len(network))
  for found in filter(None, matches.values()):
    group[np.isin(group, group[found])] = group[found].min()
  firsts, of_network = np.unique(group, return_inverse=True)
  names = tuple(
    ' or '.join(x for x, i in zip(network, group, strict=True) if i == first)
    for first in firsts
  )
  if len(names) < 2:
    raise ValueError(
      f'The classes {", ".join(data)} of the data leave nothing to tell apart '
      f'of {known}. Match them otherwise with --map=THEIRS:OURS.'
    )
  of_data = [of_network[x[0]] if x else -1 for x in matches.values()]
  return ClassMapping(
    names, of_network, np.array(of_data), _text(matches, names, of_data)
  )


def check_used(
  chosen: Mapping[str, set[str]], data: Sequence[Sequence[str]]
) -> None:
  """Checks that each class that --map names is one of some data set.

  Raises:
    ValueError: there is another.
  """
  known = dict.fromkeys(name for names in data for name in names)
  unknown = [name for name in chosen if name not in known]
  if unknown:
    raise ValueError(
      f'--map names {", ".join(unknown)}; the classes of the data are '
      f'{", ".join(known)}. Give one of these before the colon.'
    )


def _matches(
  name: str, network: Sequence[str], chosen: Mapping[str, set[str]]
) -> list[int]:
  """Returns which classes of the network a class of the data set is."""
  if name in chosen:
    return [i for i, x in enumerate(network) if x in chosen[name]]
  if name in network:
    return [network.index(name)]
  meaning = _meaning(name)
  return [i for i, x in enumerate(network) if _meaning(x) & meaning]


def _meaning(name: str) -> set[str]:
  """Returns what a name means; an unknown one means only itself."""
  text = name.casefold().strip()
  for sign, word in _SIGNS.items():
    if text.endswith(sign):
      text = f'{text.removesuffix(sign)} {word}'
  plain = re.sub(r'[\W_]+', '', text)
  # A number may order folders, as in 1NonCOVID.
  for each in (plain, plain.lstrip('0123456789')):
    if each in _MEANINGS:
      return _MEANINGS[each]
  return {plain}


def _text(
  matches: Mapping[str, list[int]], names: Sequence[str], of_data: Sequence[int]
) -> str:
  """Returns such as 'COVID is NCP, non-COVID is Normal or CP'."""
  parts = []
  for i, target in [*enumerate(names), (-1, 'left out')]:
    found = [x for x, k in zip(matches, of_data, strict=True) if k == i]
    if found and found != [target]:
      verb = 'is' if len(found) == 1 else 'are'
      parts.append(f'{" and ".join(found)} {verb} {target}')
  return ', '.join(parts)
