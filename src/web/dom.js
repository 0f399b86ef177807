// Elements, made without HTML: text is always text.

// An element with properties (`class`, `data-…`, `aria-…` and other attributes; functions are listeners) and children.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const find = (id) => document.getElementById(id);

const ICONS = {
  search: 'M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Zm4.8 11.3L20 20',
  people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm-6 9c0-3.6 2.6-6 6-6s6 2.4 6 6M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.6c1.9.9 3 2.8 3 5.4',
  more: 'M12 5.5v.01M12 12v.01M12 18.5v.01',
  send: 'M4 12 20 4l-5 16-3.5-6.5L4 12Zm7.5 1.5L20 4',
  down: 'M6 9l6 6 6-6',
  close: 'M6 6l12 12M18 6 6 18',
};

export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  const path = document.createElementNS(space, 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'icon');
  path.setAttribute('d', ICONS[name]);
  if (name === 'more') path.setAttribute('stroke-width', '3');
  svg.append(path);
  return svg;
}

// What a screen reader says by itself.
export function announce(text) {
  const line = make('p', {}, text);
  find('announce').append(line);
  while (find('announce').childElementCount > 5) find('announce').firstChild.remove();
}

// Links in a text: [begin, end, url] of each. Only http and https.
export function links(text) {
  const found = [];
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"\u00a0]+/giu)) {
    let link = match[0].replace(/[.,;:!?'"»”’…]+$/u, '');
    // A bracket belongs to the link only if it was opened in it.
    while (link.endsWith(')') && link.split(')').length > link.split('(').length) link = link.slice(0, -1);
    link = link.replace(/[.,;:!?]+$/u, '');
    let url = null;
    try {
      url = new URL(link);
    } catch {
      continue;
    }
    if (['http:', 'https:'].includes(url.protocol)) found.push([match.index, match.index + link.length, url.href]);
  }
  return found;
}
