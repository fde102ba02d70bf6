// @ts-check
/** Finding people by name. */

import { people } from './api.js';
import { avatar, h, keyed, say } from './dom.js';
import { icon } from './icons.js';
import { t } from './strings.js';

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
