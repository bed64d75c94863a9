// Copyright 2026 The bit_covid Authors.
// SPDX-License-Identifier: Apache-2.0

import {byId, element, fillScores} from './elements.js';

// Slices that are kept when the next one is looked at, and slices that are
// fetched ahead on both sides.
const KEPT = 60, AHEAD = 3;
// Pixels of a drag, and of a turn of the wheel, to the next slice.
const DRAG = 8, WHEEL = 60;

// Of the patient, at the left, right, upper and lower edge of a slice: the
// server turns slices so that they lie this way.
const SIDES = ['R', 'L', 'A', 'P'];

/** The selected slice, large, with the map over it. */
export class Viewer {
  /**
   * @param {object} result of the server.
   * @param {(path: string) => string} url of a picture of the scan.
   * @param {(index: number) => void} select is asked for another slice.
   */
  constructor(result, url, select) {
    this._result = result;
    this._url = url;
    this._index = 0;
    this._images = new Map();
    this._stage = byId('stage');
    const {class_names: names, predicted} = result;
    const choice = byId('map-class');
    choice.replaceChildren(
        ...names.map((name, i) => element('option', {value: i}, name)));
    choice.value = String(Math.max(0, names.indexOf(predicted)));
    choice.onchange = () => this.show(this._index);
    byId('opacity').oninput = () => this._showOpacity();
    byId('previous').onclick = () => select(this._index - 1);
    byId('next').onclick = () => select(this._index + 1);
    this._followPointer(select);
    this._showOpacity();
  }

  /** Shows a slice. */
  async show(index) {
    this._index = index;
    const slice = this._result.slices[index];
    this._describe(slice);
    const parts = this._parts(index);
    try {
      await Promise.all(parts.map(image => image.decode()));
    } catch {
      parts.length = 0;  // It has been closed, or the server is gone.
    }
    // Another one may have been selected in the meantime.
    if (this._parts(this._index).some((image, i) => image !== parts[i])) return;
    this._place(slice, parts);
    this._fetchAhead();
  }

  _describe(slice) {
    const {class_names: names, slices: {length: count}} = this._result;
    const {position, finding, probabilities, has_map: hasMap} = slice;
    byId('place').replaceChildren(
        element('strong', {}, `Slice ${this._index + 1} of ${count}`));
    if (position != null) {
      const millimetres = position.toFixed(1).replace('-', '\u2212');
      byId('place').append(
          element('span', {class: 'quiet'}, `${millimetres} mm`));
    }
    byId('finding').textContent =
        finding ? `Does not count: ${finding}.` : '';
    fillScores(byId('slice-scores'), names, probabilities);
    const chosen = byId('map-class').value;
    byId('no-map').textContent = hasMap && !hasMap[chosen]
        ? `Nothing in this slice speaks for ${names[chosen]}.`
        : '';
    byId('previous').disabled = this._index === 0;
    byId('next').disabled = this._index === count - 1;
  }

  _parts(index) {
    const {size, has_map: hasMap} = this._result.slices[index];
    const chosen = byId('map-class').value;
    const paths = [];
    if (size) paths.push(`slices/${index}/picture.png`);
    if (hasMap?.[chosen]) paths.push(`slices/${index}/map${chosen}.png`);
    return paths.map(path => this._image(path));
  }

  _image(path) {
    let image = this._images.get(path);
    if (!image) {
      image = element('img', {src: this._url(path), alt: ''});
      image.draggable = false;
    }
    // Last in the order of the map: the first are the first to go.
    this._images.delete(path);
    this._images.set(path, image);
    for (const old of this._images.keys()) {
      if (this._images.size <= 2 * KEPT) break;
      this._images.delete(old);
    }
    return image;
  }

  _place({size, box}, [picture, map]) {
    if (!picture) {
      this._stage.replaceChildren(
          element('p', {class: 'quiet'}, 'No picture of this slice.'));
      return;
    }
    const [height, width] = size;
    const frame = element('div', {class: 'frame'});
    frame.style.aspectRatio = `${width} / ${height}`;
    frame.style.setProperty('--ratio', width / height);
    picture.className = 'slice';
    picture.alt = `Slice ${this._index + 1}`;
    frame.append(picture);
    if (map) {
      const [xmin, ymin, xmax, ymax] = box;
      map.className = 'map';
      map.style.left = `${100 * xmin / width}%`;
      map.style.top = `${100 * ymin / height}%`;
      map.style.width = `${100 * (xmax - xmin) / width}%`;
      map.style.height = `${100 * (ymax - ymin) / height}%`;
      frame.append(map);
    }
    if (this._result.has_sides) {
      frame.append(...SIDES.map(side => element(
          'span', {class: `side ${side}`, 'aria-hidden': 'true'}, side)));
    }
    this._stage.replaceChildren(frame);
  }

  _fetchAhead() {
    for (let i = this._index - AHEAD; i <= this._index + AHEAD; i++) {
      if (this._result.slices[i]) this._parts(i);
    }
  }

  _showOpacity() {
    const value = byId('opacity').value;
    byId('opacity-value').textContent = `${value} %`;
    this._stage.style.setProperty('--opacity', value / 100);
  }

  _followPointer(select) {
    let turned = 0, drag = null;
    this._stage.onwheel = event => {
      event.preventDefault();
      turned += event.deltaMode ? WHEEL * Math.sign(event.deltaY) : event.deltaY;
      const steps = Math.trunc(turned / WHEEL);
      turned -= steps * WHEEL;
      if (steps) select(this._index + steps);
    };
    this._stage.onpointerdown = event => {
      drag = {x: event.clientX, index: this._index};
      this._stage.setPointerCapture(event.pointerId);
    };
    this._stage.onpointermove = event => {
      if (!drag) return;
      const steps = Math.round((event.clientX - drag.x) / DRAG);
      select(drag.index + steps);
    };
    this._stage.onpointerup = this._stage.onpointercancel = () => {
      drag = null;
    };
  }
}
