// Copyright 2026 The bit_covid Authors.
// SPDX-License-Identifier: Apache-2.0

/** From a drop to a result: one session after the other, never two. */

import {Connection} from './connection.js';
import {byId, element, fillTable} from './elements.js';
import {commonName, fromDrop, fromInput, numbered} from './files.js';
import {Result} from './result.js';
import {check, megabytes, send, total} from './upload.js';

const SECTIONS = ['start', 'work', 'choice', 'result'];
const {maxBytes, maxFiles} = document.body.dataset;
const LIMITS = {bytes: Number(maxBytes), files: Number(maxFiles)};

let connection = null, files = [], found = null, result = null;
let stopping = new AbortController();

function show(id) {
  for (const each of SECTIONS) byId(each).hidden = each !== id;
  byId('again').hidden = id === 'start' || id === 'work';
}

function progress(title, text, share = null) {
  show('work');
  byId('work-title').textContent = title;
  byId('work-text').textContent = text;
  // Without a value it moves to and fro.
  if (share == null) byId('progress').removeAttribute('value');
  else byId('progress').value = share;
}

function say(problem) {
  byId('problem').textContent = problem;
  byId('problem').hidden = !problem;
}

/** Forgets the scan, here and on the server. */
function forget() {
  stopping.abort();
  connection?.close();
  result?.stop();
  connection = found = result = null;
  files = [];
  byId('refused').hidden = true;
  byId('kept').textContent = '';
  byId('files').value = byId('folder').value = '';
}

function restart(problem = '') {
  forget();
  show('start');
  say(problem);
}

async function begin(entries) {
  forget();
  say('');
  stopping = new AbortController();
  const {signal} = stopping;
  try {
    files = numbered(entries);
    check(files, LIMITS);
    const size = `${files.length.toLocaleString('en')} files, ` +
        `${megabytes(total(files))} MB`;
    const of = `${commonName(files)}: ${size}`;
    progress('Uploading', of, 0);
    const mine = await Connection.open();
    if (signal.aborted) return mine.close();
    connection = mine;
    connection.listen(onState, onLost);
    await send(
        mine, files, share => progress('Uploading', of, share), signal);
    await mine.post('find');
  } catch (error) {
    // What was stopped cannot go wrong any more.
    if (!signal.aborted) restart(error.message);
  }
}

function onLost() {
  restart(
      'The server has closed this page or was stopped; nothing of the scan ' +
      'is kept.');
}

async function onState(state) {
  const mine = connection;
  try {
    if (state.stage === 'waiting') {
      progress('Waiting', 'Another scan is being read or scored.');
    } else if (state.stage === 'finding') {
      progress('Reading', 'Looking for scans among the files.');
    } else if (state.stage === 'scoring') {
      progress(
          'Scoring', `Slice ${state.done} of ${state.total}`,
          state.done / state.total);
    } else if (state.stage === 'found') {
      await onFound();
    } else if (state.stage === 'scored') {
      await onScored(state.scan);
    } else if (state.stage === 'failed') {
      restart(state.error);
    }
  } catch (error) {
    if (mine === connection) restart(error.message);
  }
}

async function onFound() {
  const mine = connection;
  found = await mine.get('found');
  if (mine !== connection) return;
  if (!found.scans.length) {
    show('start');
    say('There is no scan in what was given.');
    showRefused();
    mine.close();
    connection = null;
    return;
  }
  showRefused();
  if (found.scans.length === 1) return score(0);
  byId('scans').replaceChildren(...found.scans.map(choice));
  show('choice');
}

async function onScored(index) {
  const mine = connection;
  const content = await mine.get(`scans/${index}/result`);
  if (mine !== connection) return;
  found.scans[index].isScored = true;
  result?.stop();
  // Before it is filled: what is hidden has no width.
  show('result');
  const several = found.scans.length > 1 ? ` scan ${index + 1}` : '';
  result = new Result(
      content, path => mine.url(`scans/${index}/${path}`),
      commonName(files) + several);
  byId('other-scans').hidden = found.scans.length === 1;
  byId('all-scans').replaceChildren(...found.scans.map(choice));
  const left = found.scans.filter(x => !x.isScored).length;
  byId('kept').textContent = left
      ? `The uploaded files are kept until the other ${left} ` +
        `${left === 1 ? 'scan is' : 'scans are'} scored, or this page is ` +
        'closed.'
      : 'The uploaded files are deleted. Pictures and numbers go when this ' +
        'page is closed.';
  scrollTo(0, 0);
  // So that the arrow keys go through the slices at once.
  byId('stage').focus({preventScroll: true});
}

async function score(index) {
  await connection.post(`scans/${index}/score`);
}

function choice(scan, index) {
  const facts = [
    `${scan.slices} slice${scan.slices === 1 ? '' : 's'}`,
    ...(scan.spacing == null ? [] : [`${scan.spacing.toFixed(2)} mm apart`]),
    ...(scan.isScored ? ['scored'] : []),
  ];
  const button = element(
      'button', {type: 'button'},
      element('img', {
        src: connection.url(`scans/${index}/preview.png`), alt: '',
        loading: 'lazy',
      }),
      element('span', {class: 'what'},
              element('strong', {}, `${index + 1}. ${scan.source}`),
              element('span', {class: 'quiet'}, facts.join(', '))));
  button.onclick = () => {
    say('');
    button.disabled = true;
    score(index).catch(error => {
      say(error.message);
      button.disabled = false;
    });
  };
  return element('li', {}, button);
}

/** Names files that are in no scan; only this browser knows their names. */
function showRefused() {
  const byReason = new Map();
  for (const {file, reason} of found.refused) {
    byReason.set(reason, [...(byReason.get(reason) ?? []), file]);
  }
  const rows = [...byReason].map(([reason, numbers]) => {
    const paths = [...new Set(numbers)].map(x => files[x]?.path ?? '');
    const some = paths.slice(0, 3).join(', ');
    const more = paths.length > 3 ? ` and ${paths.length - 3} more` : '';
    return [reason, String(numbers.length), some + more];
  });
  byId('refused').hidden = !rows.length;
  const count = found.refused.length;
  byId('refused-title').textContent =
      count === 1 ? '1 file is in no scan' : `${count} files are in no scan`;
  byId('refused').open = !found.scans.length;
  fillTable(byId('refused-table'), ['Reason', 'Files', 'Which'], rows);
}

function connectButtons() {
  for (const id of ['files', 'folder']) {
    byId(`pick-${id}`).onclick = () => byId(id).click();
    byId(id).onchange = event => begin(fromInput(event.target));
  }
  byId('again').onclick = byId('stop').onclick = () => restart();
  // Anywhere: a file that misses would replace the page.
  const drop = byId('drop');
  addEventListener('dragover', event => {
    event.preventDefault();
    drop.classList.add('over');
  });
  addEventListener('dragleave', event => {
    if (!event.relatedTarget) drop.classList.remove('over');
  });
  addEventListener('drop', async event => {
    event.preventDefault();
    drop.classList.remove('over');
    try {
      begin(await fromDrop(event.dataTransfer));
    } catch {
      restart('The browser cannot read what was dropped.');
    }
  });
  addEventListener('pagehide', () => forget());
  // Back from the browser's memory, where the page has lost its session.
  addEventListener('pageshow', event => event.persisted && restart());
}

connectButtons();
show('start');
