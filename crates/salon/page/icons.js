// @ts-check
/** Icons as inline SVG, drawn on a grid of 24 with a line of 1.8. They are decoration: names belong to the controls. */

const SVG = 'http://www.w3.org/2000/svg';

const HEART = 'M12 20.3S3.6 15.4 3.6 9.3A4.6 4.6 0 0 1 12 6.7a4.6 4.6 0 0 1 8.4 2.6c0 6.1-8.4 11-8.4 11Z';

/** Line paths; a path in `solid` is filled. @type {Record<string, {line?: string, solid?: string}>} */
const shapes = {
  back: { line: 'M15 5l-7 7 7 7' },
  badge: {
    line: 'M12 2.6l2.2 1.7 2.8-.1.8 2.7 2.3 1.6-1 2.6 1 2.6-2.3 1.6-.8 2.7-2.8-.1L12 19.6l-2.2-1.7-2.8.1-.8-2.7L3.9 13.7l1-2.6-1-2.6 2.3-1.6.8-2.7 2.8.1Z',
    solid: 'M12 14.7S8.4 12.6 8.4 10a2 2 0 0 1 3.6-1.1A2 2 0 0 1 15.6 10c0 2.6-3.6 4.7-3.6 4.7Z',
  },
  camera: { line: 'M4.5 6.5h8.5a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H4.5a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2ZM15 10.8l5.2-3.1a.8.8 0 0 1 1.3.7v7.2a.8.8 0 0 1-1.3.7L15 13.2' },
  camera_off: { line: 'M15 13.2l5.2 3.1a.8.8 0 0 0 1.3-.7V8.4a.8.8 0 0 0-1.3-.7L15 10.8V8.5a2 2 0 0 0-2-2H9M5 6.550A2 2 0 0 0 2.5 8.5v7a2 2 0 0 0 2 2H13a2 2 0 0 0 1.7-1M3 3l18 18' },
  check: { line: 'M5 12.5l4.5 4.5L19 7.5' },
  close: { line: 'M6 6l12 12M18 6L6 18' },
  eye: { line: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z' },
  flip: { line: 'M4 11a8 8 0 0 1 13.7-4.7L20 8.5M20 4v4.5h-4.5M20 13a8 8 0 0 1-13.7 4.7L4 15.5M4 20v-4.5h4.5' },
  gear: {
    line: 'M12 15.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM19.2 12c0-.5 0-.9-.1-1.3l2-1.5-2-3.4-2.3.9a7 7 0 0 0-2.3-1.3L14.2 3h-4l-.4 2.4a7 7 0 0 0-2.3 1.3l-2.3-.9-2 3.4 2 1.5a7.4 7.4 0 0 0 0 2.6l-2 1.5 2 3.4 2.3-.9a7 7 0 0 0 2.3 1.3l.4 2.4h4l.4-2.4a7 7 0 0 0 2.3-1.3l2.3.9 2-3.4-2-1.5c.1-.4.1-.8.1-1.3Z',
  },
  heart: { line: HEART },
  heart_full: { solid: HEART },
  leave: { line: 'M14 4H7a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h7M10 12h10.5M17 8.5l3.5 3.5-3.5 3.5' },
  mic: { line: 'M12 15a3.2 3.2 0 0 0 3.2-3.2V6.2a3.2 3.2 0 0 0-6.4 0v5.6A3.2 3.2 0 0 0 12 15ZM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3' },
  mic_off: { line: 'M15.2 10V6.2a3.2 3.2 0 0 0-6.2-1M8.8 9v2.8a3.2 3.2 0 0 0 4.9 2.7M18.5 11.5c0 1-.2 1.9-.6 2.7M5.5 11.5a6.5 6.5 0 0 0 10.3 5.3M12 18v3M3.5 3.5l17 17' },
  people: { line: 'M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 19.5c.4-3.3 3-5.5 6.5-5.5s6.1 2.2 6.5 5.5M15.5 4.8a3.5 3.5 0 0 1 0 6.4M18 14.5c2 .8 3.2 2.6 3.5 5' },
  person_add: { line: 'M10 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM3.5 19.5c.4-3.3 3-5.5 6.5-5.5s6.1 2.2 6.5 5.5M19 7.5v6M16 10.5h6' },
  rooms: { line: 'M4 5.5h10a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2v-9a2 2 0 0 1 2-2ZM9 9v6M6 12h6M19 8.5v7M22 10v4' },
  search: { line: 'M11 17.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM16 16l4.5 4.5' },
  send: { line: 'M4 12l16.5-7.5L16 20.5l-4-6.5ZM12 14l8.5-9.5' },
  share: { line: 'M12 14.5V3.5M8 7l4-3.8L16 7M5.5 11v7.5a2 2 0 0 0 2 2h9a2 2 0 0 0 2-2V11' },
  sound_off: { line: 'M4 9.5v5h3.5l5 4v-13l-5 4ZM16.5 9.5l5 5M21.5 9.5l-5 5' },
  warning: { line: 'M12 4L2.8 19.5h18.4ZM12 10v4.5M12 17v.1' },
};

/**
 * @param {string} name
 * @param {string} [className]
 * @returns {SVGSVGElement}
 */
export function icon(name, className = '') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon ${className}`);
  for (const [kind, d] of Object.entries(shapes[name])) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    path.setAttribute('class', kind);
    svg.append(path);
  }
  return svg;
}

/** The warm gradient that hearts refer to by id; placed once in the page. */
export function gradient() {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'definitions');
  svg.setAttribute('aria-hidden', 'true');
  const paint = document.createElementNS(SVG, 'linearGradient');
  paint.id = 'salon-warm';
  for (const [name, value] of Object.entries({ x1: '0', y1: '0', x2: '1', y2: '1' })) paint.setAttribute(name, value);
  for (const [offset, color] of [['0', '#ff2d6f'], ['1', '#ff8a3c']]) {
    const stop = document.createElementNS(SVG, 'stop');
    stop.setAttribute('offset', offset);
    stop.setAttribute('stop-color', color);
    paint.append(stop);
  }
  svg.append(paint);
  return svg;
}
