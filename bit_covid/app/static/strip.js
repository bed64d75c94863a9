// Copyright 2026 The bit_covid Authors.
// SPDX-License-Identifier: Apache-2.0

import {byId, colour, element, percent} from './elements.js';

/** All slices, small, side by side; a click selects one. */
export class Strip {
  constructor(result, url, select) {
    this._list = byId('strip');
    this._items = result.slices.map((slice, index) =>
        item(slice, index, result.class_names, url));
    this._list.replaceChildren(...this._items);
    this._list.scrollLeft = 0;
    this._list.onclick = event => {
      const index = this._items.indexOf(event.target.closest('li'));
      if (index >= 0) select(index);
    };
  }

  /** Marks a slice, and scrolls it to the middle. */
  show(index) {
    this._items[this._index]?.setAttribute('aria-selected', 'false');
    this._index = index;
    const chosen = this._items[index];
    chosen.setAttribute('aria-selected', 'true');
    this._list.setAttribute('aria-activedescendant', chosen.id);
    this._list.scrollLeft =
        chosen.offsetLeft + (chosen.offsetWidth - this._list.clientWidth) / 2;
  }
}

function item({counts, finding, probabilities, size}, index, names, url) {
  const number = String(index + 1);
  let label = `Slice ${number}, not scored`;
  let bar = 'bar';
  if (probabilities) {
    const top = probabilities.indexOf(Math.max(...probabilities));
    label = `Slice ${number}, ${names[top]} ${percent(probabilities[top])}`;
    bar += ` ${colour(top)}`;
  }
  if (finding) label += `, does not count: ${finding}`;
  const picture = size
      ? element('img', {
        src: url(`slices/${index}/thumbnail.png`), alt: '', loading: 'lazy',
      })
      : element('span', {class: 'nothing'});
  return element(
      'li', {
        id: `slice-${index}`, role: 'option', class: counts ? '' : 'aside',
        'aria-selected': 'false', 'aria-label': label, title: label,
      },
      picture, element('span', {class: 'number'}, number),
      element('span', {class: bar}));
}
