// @ts-check
/** The stream of comments and small events. Comments of one's own appear at once, greyed until the room confirms them. */

import { avatar, h, say } from './dom.js';
import { icon } from './icons.js';
import { t } from './strings.js';

/** Lines kept on screen. */
const LINES_MAX = 150;

/** A screen reader hears at most one line in this time; the rest is summed up. */
const ANNOUNCE_MS = 4_000;

/** @typedef {import('./view.js').Comment} Comment */

export class Feed {
  /** @type {Set<string>} */
  #seen = new Set();
  /** @type {{text: string, element: HTMLElement}[]} own comments not confirmed yet, oldest first */
  #pending = [];
  /** @type {string[]} */
  #unsaid = [];
  #timer = 0;

  /** @param {string} me */
  constructor(me) {
    this.me = me;
    this.list = h('div', { class: 'feed-lines', tabindex: '0', role: 'log', 'aria-live': 'off', 'aria-label': t('live.comments') });
    this.voice = h('div', { class: 'unseen', 'aria-live': 'polite', 'aria-atomic': 'true' });
    this.element = h('div', { class: 'feed' }, this.list, this.voice);
  }

  /** Brings in what the view has and the screen has not. @param {Comment[]} comments */
  sync(comments) {
    const first = this.#seen.size === 0;
    for (const comment of comments) {
      if (this.#seen.has(comment.comment)) continue;
      this.#seen.add(comment.comment);
      this.#confirm(comment);
      if (!first && comment.person.user !== this.me) this.#announce(`${comment.person.name}: ${comment.text}`);
    }
  }

  /**
   * A comment of one's own, before the room has it.
   * @param {import('./view.js').Person} person @param {string} text @param {number} hearts
   * @returns {() => void} takes it back
   */
  pending(person, text, hearts) {
    const element = line({ comment: '', person, text, hearts, at_ms: 0 });
    element.dataset.pending = '';
    const entry = { text, element };
    this.#pending.push(entry);
    this.#append(element);
    return () => {
      this.#pending = this.#pending.filter((other) => other !== entry);
      element.remove();
    };
  }

  /**
   * A small line that is not a comment.
   * @param {string} text @param {{icon?: string, warm?: boolean, action?: {label: string, onclick: () => void}}} [options]
   */
  note(text, { icon: name, warm = false, action } = {}) {
    const element = h(
      'p',
      { class: 'line note', testid: 'feed-note' },
      name && icon(name, warm ? 'warm' : ''),
      h('span', {}, text),
      action && h('button', { type: 'button', class: 'text-button', onclick: action.onclick }, action.label),
    );
    this.#append(element);
    this.#announce(text);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /** @param {Comment} comment */
  #confirm(comment) {
    if (comment.person.user === this.me) {
      const index = this.#pending.findIndex(({ text }) => text === comment.text);
      if (index >= 0) {
        const [{ element }] = this.#pending.splice(index, 1);
        const fresh = line(comment);
        fresh.classList.add('settled');
        element.replaceWith(fresh);
        return;
      }
    }
    this.#append(line(comment));
  }

  /** @param {HTMLElement} element */
  #append(element) {
    const { list } = this;
    // Somebody who scrolled up to read is left in peace.
    const following = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    list.append(element);
    while (list.childElementCount > LINES_MAX) list.firstElementChild?.remove();
    if (following) list.scrollTop = list.scrollHeight;
  }

  /** @param {string} text */
  #announce(text) {
    this.#unsaid.push(text);
    if (this.#timer) return;
    const speak = () => {
      this.#timer = 0;
      if (this.#unsaid.length === 0) return;
      say(this.voice, this.#unsaid.length === 1 ? this.#unsaid[0] : t('live.new_comments', { count: this.#unsaid.length }));
      this.#unsaid = [];
      this.#timer = window.setTimeout(speak, ANNOUNCE_MS);
    };
    speak();
  }
}

/** @param {Comment} comment @returns {HTMLElement} */
function line({ comment, person, text, hearts }) {
  return h(
    'div',
    { class: 'line', testid: 'comment', data: { comment, user: person.user } },
    avatar(person, 'small'),
    h('div', { class: 'line-body' }, h('span', { class: 'line-name' }, person.name, badgeHearts(hearts)), h('span', { class: 'line-text' }, text)),
  );
}

/** The hearts beside a name: one, two or three. @param {number} hearts */
export function badgeHearts(hearts) {
  if (!hearts) return null;
  const shown = Array.from({ length: Math.min(3, hearts) }, () => icon('heart_full', 'warm'));
  return h('span', { class: 'name-hearts', role: 'img', 'aria-label': t('tile.hearts', { count: hearts }), data: { hearts: String(hearts) } }, ...shown);
}
