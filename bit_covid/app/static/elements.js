// Copyright 2026 The bit_covid Authors.
// SPDX-License-Identifier: Apache-2.0

/** Returns the element of an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Returns a new element: attributes by name, then children or text. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Returns a new element of an SVG. */
export function svg(name, attributes = {}, ...children) {
  const space = 'http://www.w3.org/2000/svg';
  return filled(document.createElementNS(space, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Fills a table: a row of headings, unless null, and rows of cells. */
export function fillTable(table, headings, rows) {
  const parts = [];
  if (headings) {
    parts.push(element('thead', {}, element('tr', {}, ...headings.map(
        text => element('th', {scope: 'col'}, text)))));
  }
  parts.push(element('tbody', {}, ...rows.map(([first, ...others]) =>
      element('tr', {}, element('th', {scope: 'row'}, first),
              ...others.map(text => element('td', {}, text))))));
  table.replaceChildren(...parts);
}

/** Returns a probability in words. */
export function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}

/** Returns the CSS class that has the colour of a class of the network. */
export function colour(index) {
  return `c${index % 8}`;
}

/** Fills an element with a bar for each class; null: not scored. */
export function fillScores(place, names, probabilities) {
  const largest = probabilities ? Math.max(...probabilities) : null;
  place.replaceChildren(...names.map((name, i) => {
    const value = probabilities?.[i];
    const bar = element('span', {class: 'fill'});
    // Through the style's object: the page allows no style in its markup.
    bar.style.width = value == null ? '0' : `${100 * value}%`;
    const top = value != null && value === largest ? ' top' : '';
    return element(
        'div', {class: `score ${colour(i)}${top}`},
        element('span', {class: 'name'}, name),
        element('span', {class: 'track'}, bar),
        element('span', {class: 'value'}, value == null ? '-' : percent(value)));
  }));
}
