// Copyright 2026 The bit_covid Authors.
// SPDX-License-Identifier: Apache-2.0

// What the server goes by besides a file's content. Other endings may be part
// of a name, and names stay here.
const ENDINGS = [
  '.nii.gz', '.nii', '.zip', '.dcm', '.dicom', '.ima', '.png', '.jpg', '.jpeg',
  '.bmp', '.gif', '.heic', '.hdr', '.img', '.jp2', '.mha', '.mhd', '.mgz',
  '.nrrd', '.tif', '.tiff', '.webp',
];

/** Returns the files of an `<input type="file">`, with their paths. */
export function fromInput(input) {
  return [...input.files].map(
      file => ({path: file.webkitRelativePath || file.name, file}));
}

/** Returns the files that were dropped, those in folders too. */
export async function fromDrop(transfer) {
  // All at once: after the first wait, the browser has forgotten the rest.
  const entries = [...transfer.items]
      .filter(item => item.kind === 'file')
      .map(item => item.webkitGetAsEntry());
  const found = [];
  for (const entry of entries) {
    if (entry) await addEntry(entry, found);
  }
  return found;
}

async function addEntry(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
        entry.file(resolve, reject));
    found.push({path: entry.fullPath.replace(/^\//, ''), file});
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A hundred at a time, until there are none.
    const part = await new Promise((resolve, reject) =>
        reader.readEntries(resolve, reject));
    if (!part.length) return;
    for (const each of part) await addEntry(each, found);
  }
}

/**
 * Returns the files as the server gets them: in the order of their paths, with
 * numbers for names and for folders. Hidden files are left out.
 */
export function numbered(entries) {
  const split = entries
      .map(({path, file}) => {
        const at = path.lastIndexOf('/') + 1;
        return {path, file, parent: path.slice(0, at), base: path.slice(at)};
      })
      .filter(({base}) => !base.startsWith('.'))
      .sort((a, b) => compare(a.parent, b.parent) || compare(a.base, b.base));
  const folders = new Map();
  return split.map(({path, file, parent, base}, number) => {
    if (!folders.has(parent)) folders.set(parent, folders.size);
    const name = String(number).padStart(6, '0') + ending(base);
    return {folder: folders.get(parent), name, path, file};
  });
}

/** Returns a name for all files: of their folder, or of a single file. */
export function commonName(files) {
  const [first] = files;
  if (!first) return 'scan';
  const top = first.path.slice(0, Math.max(0, first.path.indexOf('/')));
  if (top && files.every(({path}) => path.startsWith(`${top}/`))) {
    return safe(top);
  }
  if (files.length > 1) return `${files.length} files`;
  const base = first.path.slice(first.path.lastIndexOf('/') + 1);
  const end = ENDINGS.find(x => base.toLowerCase().endsWith(x)) ?? '';
  return safe(base.slice(0, base.length - end.length));
}

/** Returns a name that every file system takes. */
function safe(name) {
  return name.replace(/[^\p{L}\p{N} ._()-]/gu, '_').slice(0, 100) || 'scan';
}

// Sorts 2 before 10.
const {compare} = new Intl.Collator('en', {numeric: true});

function ending(base) {
  const lower = base.toLowerCase();
  const known = ENDINGS.find(x => lower.endsWith(x));
  if (known) return known;
  return base.includes('.') ? '.other' : '';
}
