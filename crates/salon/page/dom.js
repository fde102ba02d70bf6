// @ts-check
/** Building elements, keeping lists in step with data, sheets and short messages. */

import { icon } from './icons.js';
import { sentence, t } from './strings.js';

/**
 * Makes an element. `testid` sets data-testid, `data` sets data-*, `onclick` and its like listen, the rest are attributes.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node|string|null|undefined|false|(Node|string|null|undefined|false)[])} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'testid') element.dataset.testid = value;
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat()) if (child || child === '') element.append(child);
  return element;
}

/**
 * A round button with a picture and a name.
 * @param {{icon: string, label: string, testid?: string, class?: string, onclick: (event: Event) => void, data?: object}} options
 */
export function iconButton({ icon: name, label, class: className = '', ...props }) {
  return h('button', { type: 'button', class: `round ${className}`, 'aria-label': label, title: label, ...props }, icon(name));
}

/**
 * Changes a round button's picture and name, and nothing when they are right already.
 * @param {HTMLElement} button @param {string} name @param {string} label
 */
export function relabel(button, name, label) {
  if (button.getAttribute('aria-label') === label && button.dataset.icon === name) return;
  button.dataset.icon = name;
  button.setAttribute('aria-label', label);
  button.title = label;
  const svg = button.querySelector('svg');
  svg?.replaceWith(icon(name));
}

/** Sets text only when it differs, so that readers are not told again. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Keeps a container's children in step with items: same key, same element.
 * @template T
 * @param {Element} container
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} create
 * @param {(element: any, item: T) => void} [update]
 */
export function keyed(container, items, key, create, update) {
  /** @type {Map<string, HTMLElement>} */
  const present = new Map([...container.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key ?? '', /** @type {HTMLElement} */ (child)]));
  let place = container.firstElementChild;
  for (const item of items) {
    const id = key(item);
    let element = present.get(id);
    if (!element) {
      element = create(item);
      element.dataset.key = id;
    }
    present.delete(id);
    if (element === place) place = place.nextElementSibling;
    else container.insertBefore(element, place);
    update?.(element, item);
  }
  for (const element of present.values()) element.remove();
}

/** A person's hue, the same everywhere. @param {string} user */
function hue(user) {
  let hash = 0;
  for (const char of user) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return (hash * 137.508) % 360;
}

/** @param {HTMLElement} element @param {{user: string}} person */
export function tint(element, { user }) {
  element.style.setProperty('--hue', hue(user).toFixed(0));
}

/** Initials on the person's own colour. @param {{user: string, name: string}} person @param {string} [className] */
export function avatar(person, className = '') {
  const element = h('span', { class: `avatar ${className}`, 'aria-hidden': 'true' }, initials(person.name));
  tint(element, person);
  return element;
}

/** @param {string} name */
function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters.map((each) => [...each][0]?.toUpperCase() ?? '').join('');
}

/**
 * A sheet: from below on a phone, in the middle elsewhere. It is a modal dialog, so focus stays inside and goes back to where it was.
 * It removes itself when closed and fires `close`.
 * @param {{title: string, lead?: string, class?: string, testid?: string, firm?: boolean, onclose?: () => void}} options `firm` keeps it
 *   open until a button of its own closes it
 * @param {...any} children
 * @returns {HTMLDialogElement}
 */
export function sheet({ title, lead, class: className = '', testid, firm = false, onclose }, ...children) {
  const id = `sheet-${Math.random().toString(36).slice(2)}`;
  /** @type {HTMLDialogElement} */
  const dialog = h(
    'dialog',
    { class: `sheet ${className}`, 'aria-labelledby': id, testid },
    h(
      'div',
      { class: 'sheet-body' },
      h(
        'header',
        { class: 'sheet-head' },
        h('h2', { id, tabindex: '-1' }, title),
        !firm && iconButton({ icon: 'close', label: t('action.close'), class: 'quiet', onclick: () => dialog.close() }),
      ),
      lead && h('p', { class: 'lead' }, lead),
      ...children,
    ),
  );
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog && !firm) dialog.close();
  });
  dialog.addEventListener('cancel', (event) => {
    if (firm) event.preventDefault();
  });
  dialog.addEventListener('close', () => {
    dialog.remove();
    onclose?.();
  });
  // Good news can wait no longer than until the next question.
  document.querySelector('.message.notice')?.remove();
  const opener = document.activeElement;
  dialog.addEventListener('close', () => {
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
  });
  (document.querySelector('#sheets') ?? document.body).append(dialog);
  dialog.showModal();
  return dialog;
}

/** Closes every sheet, for a screen that goes away. */
export function closeSheets() {
  for (const dialog of document.querySelectorAll('dialog.sheet')) /** @type {HTMLDialogElement} */ (dialog).close();
}

/**
 * Asks before something that cannot be taken back.
 * @param {{title: string, lead: string, yes: string, no: string, testid: string, onyes: () => void}} options
 */
export function confirm({ title, lead, yes, no, testid, onyes }) {
  const dialog = sheet(
    { title, lead, class: 'small' },
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'button', class: 'plain', onclick: () => dialog.close() }, no),
      h(
        'button',
        {
          type: 'button',
          class: 'primary grave',
          testid,
          autofocus: true,
          onclick: () => {
            dialog.close();
            onyes();
          },
        },
        yes,
      ),
    ),
  );
}

/** How long a short message stays: long enough to read two lines twice. */
const MESSAGE_MS = 7_000;

let messageTimer = 0;

/** @param {string} text @param {'refusal'|'notice'} kind @param {string} [name] */
function message(text, kind, name) {
  hush();
  const element = h('div', { class: `message ${kind}`, role: kind === 'refusal' ? 'alert' : 'status', testid: kind, data: { name: name ?? '' } });
  element.append(kind === 'refusal' ? icon('warning') : icon('check'), h('span', {}, text));
  // The newest open sheet covers the page, so the message belongs inside it.
  const dialogs = document.querySelectorAll('dialog[open]');
  (dialogs[dialogs.length - 1] ?? document.body).append(element);
  clearTimeout(messageTimer);
  messageTimer = window.setTimeout(() => element.remove(), MESSAGE_MS);
}

/** Takes the short message away, for a screen that has more to say. */
export function hush() {
  document.querySelector('.message')?.remove();
}

/** Shows why something was refused, as a sentence. Who has left the room is not told what it no longer answers. @param {any} error */
export function refuse(error) {
  if (error?.name !== 'closed') message(sentence(error), 'refusal', error?.name);
}

/** Shows a sentence that is not about a refused action, but bad news all the same. @param {string} text @param {string} name */
export const warn = (text, name) => message(text, 'refusal', name);

/** @param {string} text */
export const notice = (text) => message(text, 'notice');

/**
 * Runs an action from a button: the button is busy meanwhile but keeps the focus, a refusal becomes a sentence.
 * @param {HTMLButtonElement|null} button
 * @param {() => Promise<any>} action
 * @returns {Promise<boolean>} whether it was done
 */
export async function attempt(button, action) {
  if (button?.ariaBusy === 'true') return false;
  button?.setAttribute('aria-busy', 'true');
  button?.setAttribute('aria-disabled', 'true');
  try {
    await action();
    return true;
  } catch (error) {
    refuse(error);
    return false;
  } finally {
    button?.removeAttribute('aria-busy');
    button?.removeAttribute('aria-disabled');
  }
}
