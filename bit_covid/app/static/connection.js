// Copyright 2026 The bit_covid Authors.
// SPDX-License-Identifier: Apache-2.0

/** A session on the server: what is sent to it, asked of it, and told by it. */
export class Connection {
  /** Opens a session; throws an Error in words where the server has no room. */
  static async open() {
    const answer = await checked(fetch('sessions', {method: 'POST'}));
    return new Connection((await answer.json()).token);
  }

  constructor(token) {
    this._base = `sessions/${token}`;
    this._events = null;
  }

  /** The address of something in the session, for an image or a link. */
  url(path) {
    return `${this._base}/${path}`;
  }

  async get(path) {
    return (await checked(fetch(this.url(path)))).json();
  }

  async post(path) {
    await checked(fetch(this.url(path), {method: 'POST'}));
  }

  /**
   * Calls `onState` with the state whenever it changes, and `onLost` once the
   * server has forgotten the session or is gone.
   */
  listen(onState, onLost) {
    this._events = new EventSource(this.url('events'));
    this._events.onmessage = event => {
      const state = JSON.parse(event.data);
      if (state.stage === 'closed') {
        this.leave();
        onLost();
      } else {
        onState(state);
      }
    };
    // After other errors, the browser connects again by itself.
    this._events.onerror = () => {
      if (this._events?.readyState === EventSource.CLOSED) onLost();
    };
  }

  /**
   * Sends a file. Not with fetch, which does not say how far it is.
   *
   * @param {{folder: number, name: string, file: File}} entry of `numbered`.
   * @param {(bytes: number) => void} onBytes is told what was sent since.
   * @param {AbortSignal} signal stops it.
   */
  send(entry, onBytes, signal) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      let sent = 0;
      request.upload.onprogress = event => {
        onBytes(event.loaded - sent);
        sent = event.loaded;
      };
      request.onload = () => {
        if (request.status < 300) return resolve();
        reject(new Error(message(request.responseText, request.status)));
      };
      request.onerror = () => reject(
          new Error('The server broke off the upload.'));
      request.onabort = () => reject(new DOMException('', 'AbortError'));
      signal.addEventListener('abort', () => request.abort());
      request.open('PUT', this.url(`files/${entry.folder}/${entry.name}`));
      // Without it, a browser derives a type from the file's name.
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      request.send(entry.file);
    });
  }

  /** Stops listening. */
  leave() {
    this._events?.close();
    this._events = null;
  }

  /** Has the server forget all of the session; works while a page closes. */
  close() {
    this.leave();
    navigator.sendBeacon(this.url('close'));
  }
}

async function checked(promise) {
  let answer;
  try {
    answer = await promise;
  } catch {
    throw new Error('The server does not answer. Is it still running?');
  }
  if (answer.ok) return answer;
  throw new Error(message(await answer.text(), answer.status));
}

function message(text, status) {
  try {
    return JSON.parse(text).error;
  } catch {
    return `The server answered with an error (${status}).`;
  }
}
