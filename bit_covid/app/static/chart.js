// Copyright 2026 The bit_covid Authors.
// SPDX-License-Identifier: Apache-2.0

import {byId, colour, element, percent, svg} from './elements.js';

const HEIGHT = 150;
// Around the plot, for the numbers of both axes.
const MARGIN = {top: 8, right: 8, bottom: 20, left: 40};

/** Probabilities of the classes over the slices; a click selects one. */
export class Chart {
  constructor(result, select) {
    this._result = result;
    this._svg = byId('chart');
    this._index = 0;
    byId('legend').replaceChildren(...result.class_names.map((name, i) =>
        element('li', {class: colour(i)},
                svg('svg', {class: 'key', viewBox: '0 0 28 8'},
                    svg('path', {class: 'line', d: 'M1 4H27'})),
                name)));
    this._svg.setAttribute('aria-valuemin', 1);
    this._svg.setAttribute('aria-valuemax', result.slices.length);
    this._svg.onpointerdown = event => {
      this._svg.setPointerCapture(event.pointerId);
      select(this._indexAt(event));
    };
    this._svg.onpointermove = event => {
      if (event.buttons) select(this._indexAt(event));
    };
    this._observer = new ResizeObserver(() => this._draw());
    this._observer.observe(this._svg);
  }

  /** Ends its work: another scan has a chart of its own. */
  stop() {
    this._observer.disconnect();
  }

  /** Marks a slice. */
  show(index) {
    this._index = index;
    const {class_names: names, slices} = this._result;
    const {probabilities} = slices[index];
    const values = probabilities
        ? names.map((x, i) => `${x} ${percent(probabilities[i])}`).join(', ')
        : 'not scored';
    this._svg.setAttribute('aria-valuenow', index + 1);
    this._svg.setAttribute(
        'aria-valuetext', `${index + 1} of ${slices.length}: ${values}`);
    this._mark();
  }

  _x(index) {
    const count = this._result.slices.length;
    const inner = this._width - MARGIN.left - MARGIN.right;
    return MARGIN.left + inner * (index + 0.5) / count;
  }

  _y(value) {
    return MARGIN.top + (HEIGHT - MARGIN.top - MARGIN.bottom) * (1 - value);
  }

  _indexAt(event) {
    const left = this._svg.getBoundingClientRect().left;
    const inner = this._width - MARGIN.left - MARGIN.right;
    const count = this._result.slices.length;
    const share = (event.clientX - left - MARGIN.left) / inner;
    return Math.floor(share * count);
  }

  _draw() {
    this._width = this._svg.getBoundingClientRect().width;
    if (!this._width) return;
    this._svg.setAttribute('viewBox', `0 0 ${this._width} ${HEIGHT}`);
    this._cursor = svg('g', {class: 'cursor'});
    this._svg.replaceChildren(
        ...this._bands(), ...this._grid(), ...this._lines(), this._cursor);
    this._mark();
  }

  _bands() {
    const {slices} = this._result;
    const bands = [];
    for (let start = 0; start < slices.length; start++) {
      if (slices[start].counts) continue;
      let end = start;
      while (end + 1 < slices.length && !slices[end + 1].counts) end++;
      const left = this._x(start - 0.5), right = this._x(end + 0.5);
      bands.push(svg('rect', {
        class: 'band', x: left, width: right - left, y: this._y(1),
        height: this._y(0) - this._y(1),
      }));
      start = end;
    }
    return bands;
  }

  _grid() {
    const right = this._width - MARGIN.right;
    const rows = [0, 0.5, 1].flatMap(value => [
      svg('path', {
        class: 'grid', d: `M${MARGIN.left} ${this._y(value)}H${right}`,
      }),
      svg('text', {
        class: 'tick', x: MARGIN.left - 6, y: this._y(value) + 4,
        'text-anchor': 'end',
      }, `${100 * value} %`),
    ]);
    const ticks = this._ticks().map(number => svg('text', {
      class: 'tick', x: this._x(number - 1), y: HEIGHT - 4,
      'text-anchor': 'middle',
    }, String(number)));
    return [...rows, ...ticks];
  }

  /** Returns numbers of slices, no closer than can be read. */
  _ticks() {
    const count = this._result.slices.length;
    const most = Math.max(1, Math.floor(this._width / 60));
    const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
    const step = steps.find(x => count / x <= most) ?? steps.at(-1);
    const ticks = [1];
    for (let x = step; x <= count; x += step) {
      if (x - 1 >= step / 2) ticks.push(x);
    }
    return ticks;
  }

  _lines() {
    return this._result.class_names.map((name, i) => {
      let path = '', isOpen = false;
      this._result.slices.forEach(({probabilities}, index) => {
        if (probabilities) {
          const point = `${this._x(index)} ${this._y(probabilities[i])}`;
          // A point alone is a line of no length, with round ends.
          path += isOpen ? `L${point}` : `M${point}h0`;
        }
        isOpen = Boolean(probabilities);
      });
      return svg('path', {class: `line ${colour(i)}`, d: path});
    });
  }

  _mark() {
    if (!this._cursor) return;
    const x = this._x(this._index);
    const {probabilities} = this._result.slices[this._index];
    const dots = (probabilities ?? []).map((value, i) => svg('circle', {
      class: `dot ${colour(i)}`, cx: x, cy: this._y(value), r: 4,
    }));
    this._cursor.replaceChildren(
        svg('path', {d: `M${x} ${this._y(1)}V${this._y(0)}`}), ...dots);
  }
}
