// @ts-check
/** People: who is in the room, and finding others by name. */

import { people } from './api.js';
import { avatar, h, keyed, say } from './dom.js';
import { badgeHearts } from './feed.js';
import { icon } from './icons.js';
import { number, price, t } from './strings.js';

/** A pause in typing before the server is asked. */
const PAUSE_MS = 180;

/** @typedef {import('./view.js').Person} Person */

/**
 * A search field and the people found.
 * @param {{
 *   token: string, me: string,
 *   state: (person: Person) => {label: string, name: string, disabled?: boolean, pressed?: boolean},
 *   onpick: (person: Person, button: HTMLButtonElement) => void,
 * }} options `state` says what the button beside a person reads
 * @returns {{element: HTMLElement, draw: () => void}} `draw` asks `state` again
 */
export function peopleSearch({ token, me, state, onpick }) {
  /** @type {Person[]} */
  let found = [];
  let timer = 0;
  /** @type {AbortController|null} */
  let running = null;
  const input = h('input', {
    type: 'search',
    testid: 'invite-search',
    placeholder: t('guests.search_placeholder'),
    'aria-label': t('guests.search_label'),
    autocomplete: 'off',
    spellcheck: 'false',
    enterkeyhint: 'search',
    oninput: () => {
      clearTimeout(timer);
      timer = window.setTimeout(ask, PAUSE_MS);
    },
  });
  const items = h('ul', { class: 'list' });
  const hint = h('p', { class: 'hint', role: 'status' });

  async function ask() {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    try {
      const answer = await people(token, input.value.trim(), signal);
      found = answer.people.filter(({ user }) => user !== me);
      say(hint, found.length > 0 ? '' : t(input.value.trim() ? 'guests.search_none' : 'guests.search_hint'));
      draw();
    } catch {
      if (!signal.aborted) say(hint, t('error.offline'));
    }
  }

  function draw() {
    keyed(items, found, ({ user }) => user, row, (element, person) => {
      const { label, name, disabled = false, pressed } = state(person);
      const button = element.querySelector('button');
      button.disabled = disabled;
      button.setAttribute('aria-label', name);
      if (pressed !== undefined) button.setAttribute('aria-pressed', String(pressed));
      say(button, label);
    });
  }

  /** @param {Person} person */
  function row(person) {
    const button = h('button', { type: 'button', class: 'plain', testid: 'invite-person', data: { user: person.user }, onclick: () => onpick(person, button) });
    return h('li', { class: 'row' }, avatar(person), h('span', { class: 'row-name' }, person.name), button);
  }

  ask();
  return { element: h('div', { class: 'search' }, h('label', { class: 'search-field' }, icon('search'), input), hint, items), draw };
}

/** Supporters named beside the stage, and in the sheet that has room for more. */
const SUPPORTERS_BESIDE = 3;
const SUPPORTERS_MAX = 50;

/**
 * Who sits, with what they were given, and who gave. Called again after every change, it alters what has changed.
 * @param {HTMLElement} box
 * @param {import('./view.js').RoomView} view
 * @param {boolean} [sheet] whether there is room for words
 */
export function roster(box, view, sheet = false) {
  const state = view.room;
  if (!state) return;
  if (!box.firstChild) {
    box.append(
      h('p', { class: 'hint watching' }),
      h('h3', {}, t('live.stage')),
      h('ul', { class: 'list seated' }),
      h('h3', { class: 'supporters-title' }, t('live.supporters')),
      h('ul', { class: 'list supporters' }),
      h('p', { class: 'hint none' }, t('live.no_supporters')),
    );
  }
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (box.querySelector(name));
  say(part('.watching'), t('live.watching', { count: state.audience.users }));
  part('.watching').hidden = !sheet;
  part('.none').hidden = !sheet || state.supporters.length > 0;
  part('.supporters-title').hidden = !sheet && state.supporters.length === 0;
  keyed(part('.seated'), view.occupied(), ({ d }) => d.person.user, ({ seat, d }) => seatedRow(seat, d.person), (row, { d }) => {
    const total = state.totals.find(({ person }) => person.user === d.person.user);
    const hearts = row.querySelector('.heart-count');
    hearts.hidden = d.total.hearts === 0;
    say(hearts.lastElementChild, number(d.total.hearts));
    say(row.lastElementChild, total && total.minor > 0 ? price(total) : '');
  });
  const supporters = state.supporters.slice(0, sheet ? SUPPORTERS_MAX : SUPPORTERS_BESIDE);
  keyed(part('.supporters'), supporters, ({ person }) => person.user, ({ person }) => supporterRow(person), (row, { hearts }) => {
    if (row.dataset.hearts === String(hearts)) return;
    row.dataset.hearts = String(hearts);
    row.lastElementChild.replaceChildren(badgeHearts(hearts) ?? '', hearts > 3 ? ` ${number(hearts)}` : '');
  });
}

/** @param {number} seat @param {Person} person */
function seatedRow(seat, person) {
  const name = h('span', { class: 'row-name' }, person.name, seat === 0 && h('small', {}, t('live.hosting')));
  const hearts = h('span', { class: 'heart-count' }, icon('heart_full', 'warm'), h('span', {}));
  return h('li', { class: 'row' }, avatar(person), name, hearts, h('strong', { class: 'money' }));
}

/** @param {Person} person */
function supporterRow(person) {
  return h('li', { class: 'row' }, avatar(person), h('span', { class: 'row-name' }, person.name), h('span', {}));
}
