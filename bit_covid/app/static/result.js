// Copyright 2026 The bit_covid Authors.
// SPDX-License-Identifier: Apache-2.0

import {Chart} from './chart.js';
import {
  byId, element, fillScores, fillTable, percent,
} from './elements.js';
import {Strip} from './strip.js';
import {Viewer} from './viewer.js';

// By which keys the slices are gone through, and how far.
const KEYS = {
  ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1,
  PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity,
};

/** The result of a scan: what is said of it, and its slices. */
export class Result {
  /**
   * @param {object} result of the server.
   * @param {(path: string) => string} url of what belongs to the scan.
   * @param {string} name of the user's files, which downloads are named by.
   */
  constructor(result, url, name) {
    this._result = result;
    const select = index => this.select(index);
    describe(result, url, name);
    this._viewer = new Viewer(result, url, select);
    this._chart = new Chart(result, select);
    this._strip = new Strip(result, url, select);
    for (const id of ['stage', 'chart', 'strip']) {
      byId(id).onkeydown = event => this._step(event);
    }
    this.select(mostTelling(result));
  }

  /** Ends its work. */
  stop() {
    this._chart.stop();
  }

  /** Shows a slice everywhere; beyond the ends, the last one. */
  select(index) {
    const last = this._result.slices.length - 1;
    index = Math.min(last, Math.max(0, index));
    if (index === this._index) return;
    this._index = index;
    this._viewer.show(index);
    this._chart.show(index);
    this._strip.show(index);
  }

  _step(event) {
    const step = KEYS[event.key];
    if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    event.preventDefault();
    this.select(this._index + step);
  }
}

/** Returns the slice that speaks most for the scan's class, or the middle. */
function mostTelling({class_names: names, predicted, slices}) {
  const index = names.indexOf(predicted);
  let best = Math.floor(slices.length / 2), largest = -1;
  slices.forEach(({counts, probabilities}, i) => {
    if (counts && probabilities[index] > largest) {
      best = i;
      largest = probabilities[index];
    }
  });
  return best;
}

function describe(result, url, name) {
  const {class_names: names, predicted, joined, counted, slices} = result;
  const {outcome, text, is_withheld: isWithheld} = result.verdict;
  const nothing =
      isWithheld ? 'Refused: unlike the training' : 'No slice was scored';
  byId('verdict').textContent =
      predicted ? `Most probable: ${predicted}` : nothing;
  byId('acceptance').textContent = text;
  byId('acceptance').className = outcome === 'accept' ? 'quiet' : 'note';
  byId('counted').textContent = predicted
      ? `${joined[0].method}: ${counted} of ${slices.length} count`
      : isWithheld ? '' :
        'Each slice has a finding, see below. A server that was started with ' +
        '--score_flagged scores such slices all the same.';
  fillScores(byId('scores'), names, joined[0]?.probabilities);
  byId('certainty').textContent = result.certainty ?? '';
  byId('disagreement').textContent = result.disagreement;
  byId('disagreement').hidden = !result.disagreement;
  byId('calibration').textContent =
      (predicted && result.calibration) ?? '';
  byId('cautions').replaceChildren(
      ...result.cautions.map(text => element('p', {class: 'note'}, text)));
  byId('name').textContent = name;
  for (const [id, path] of [['report', 'report.html'], ['archive', 'files.zip']]) {
    byId(id).href = url(path);
    byId(id).download = name + path.slice(path.lastIndexOf('.'));
  }
  byId('window').textContent =
      result.window ? `Gray values: ${result.window}` : '';
  byId('sides').textContent =
      result.has_sides ? '' : 'Right and left are not known of these files.';
  byId('colour-bar').style.background =
      `linear-gradient(to right, ${result.colours.join(', ')})`;
  fillTable(
      byId('slices'), ['Slice', 'mm', ...names, 'Finding'],
      slices.map(({position, probabilities, finding}, i) => [
        String(i + 1), position == null ? '' : position.toFixed(1),
        ...names.map((_, k) => probabilities ? percent(probabilities[k]) : ''),
        finding ?? '',
      ]));
  fillTable(
      byId('methods'), ['Slices joined by', ...names],
      joined.map(({method, probabilities}) =>
          [method, ...probabilities.map(percent)]));
  byId('methods').closest('section').hidden = !joined.length;
  fillTable(
      byId('findings'), ['Finding', 'Slices', 'Which'],
      result.findings.map(row => row.map(String)));
  byId('findings-section').hidden = !result.findings.length;
  fillTable(byId('facts'), null, result.facts);
  byId('notes').replaceChildren(
      ...result.notes.map(text => element('p', {}, text)));
}
