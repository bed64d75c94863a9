// Copyright 2026 The bit_covid Authors.
// SPDX-License-Identifier: Apache-2.0

// Files on their way at once: most are small, and each waits for an answer.
const PARALLEL = 4;

/** Throws an Error in words where the files are more than the server takes. */
export function check(files, limits) {
  if (!files.length) throw new Error('There is no file in what was given.');
  if (files.length > limits.files) {
    throw new Error(
        `These are ${files.length.toLocaleString('en')} files; at most ` +
        `${limits.files.toLocaleString('en')} are taken. Choose the folder ` +
        'of one scan.');
  }
  const bytes = total(files);
  if (bytes > limits.bytes) {
    throw new Error(
        `These are ${megabytes(bytes)} MB; at most ` +
        `${megabytes(limits.bytes)} MB are taken. Choose the folder of one ` +
        'scan.');
  }
}

/** Sends all files; `onShare` is told which share of the bytes was sent. */
export async function send(connection, files, onShare, signal) {
  const bytes = total(files);
  const waiting = [...files];
  let sent = 0;
  const one = async () => {
    while (waiting.length) {
      await connection.send(waiting.shift(), more => {
        sent += more;
        onShare(bytes ? sent / bytes : 1);
      }, signal);
    }
  };
  await Promise.all(Array.from({length: PARALLEL}, one));
}

/** Returns bytes as megabytes, in words. */
export function megabytes(bytes) {
  return (bytes / 1048576).toLocaleString('en', {maximumFractionDigits: 1});
}

export function total(files) {
  return files.reduce((sum, {file}) => sum + file.size, 0);
}
