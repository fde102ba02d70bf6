// @ts-check
/** Who the person at this page is: a name, a user id and a token, kept in the browser. */

import { issueToken } from './api.js';
import { attempt, h, sheet } from './dom.js';
import { t } from './strings.js';

const KEY = 'salon.identity';

/** @typedef {{token: string, user: string, name: string, expires_ms: number}} Identity */

/** The identity kept here, unless it has run out. @returns {Identity|null} */
export function identity() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    return kept?.token && kept.expires_ms > Date.now() ? kept : null;
  } catch {
    return null;
  }
}

/** Forgets the token; the name stays as the suggestion for next time. */
export function forget() {
  const name = identity()?.name ?? '';
  localStorage.setItem(KEY, JSON.stringify({ name }));
}

function lastName() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? 'null')?.name ?? '';
  } catch {
    return '';
  }
}

/** @type {Promise<Identity|null>|null} */
let asking = null;

/** The identity, asked for when there is none. Null when the person would rather not. @returns {Promise<Identity|null>} */
export function need() {
  const kept = identity();
  if (kept) return Promise.resolve(kept);
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

/** Asks for a name and gets a token for it. @returns {Promise<Identity|null>} */
export function ask() {
  return new Promise((resolve) => {
    /** @type {Identity|null} */
    let found = null;
    const input = h('input', {
      id: 'name-input',
      testid: 'name-input',
      name: 'name',
      type: 'text',
      maxlength: '40',
      required: true,
      autocomplete: 'nickname',
      autofocus: true,
      placeholder: t('sign.placeholder'),
      value: lastName(),
    });
    const submit = h('button', { class: 'primary wide', testid: 'name-submit' }, t('sign.submit'));
    const form = h(
      'form',
      { class: 'stack' },
      h('label', { class: 'field' }, h('span', {}, t('sign.label')), input),
      submit,
    );
    form.addEventListener('submit', async (/** @type {Event} */ event) => {
      event.preventDefault();
      const name = input.value.trim();
      if (!name) return input.focus();
      const done = await attempt(submit, async () => {
        found = await issueToken(name).catch((error) => {
          if (error.name === 'malformed') error.name = 'name_invalid';
          throw error;
        });
        localStorage.setItem(KEY, JSON.stringify(found));
      });
      if (done) dialog.close();
    });
    const dialog = sheet({ title: t('sign.title'), lead: t('sign.lead'), class: 'small', onclose: () => resolve(found) }, form);
    input.focus();
  });
}
