// @ts-check
/** `<salon-badge-sheet>`: a badge for one person on stage, from choosing to confirmed. Money is never optimistic. */

import { avatar, h, keyed, say, sheet } from './dom.js';
import { icon } from './icons.js';
import { price, sentence, t } from './strings.js';

/** After this long without an answer from the payment, say so. */
const SLOW_MS = 8_000;

/** The sandbox's payment methods, offered as what they do. */
const METHODS = ['approve', 'decline', 'lost'];

export class SalonBadgeSheet extends HTMLElement {
  /** @type {import('./salon.js').Room|null} */
  room = null;
  #recipient = '';
  #sku = '';
  #method = 'approve';
  /** @type {{known: Set<string>, purchase: string, since: number}|null} the payment under way */
  #buying = null;
  #slow = 0;
  #draw = () => this.#update();

  #recipients = h('div', { class: 'recipients', role: 'radiogroup', 'aria-label': t('badge.whom') });
  #skus = h('div', { class: 'skus', role: 'radiogroup', 'aria-label': t('badge.which') });
  #note = h('input', { type: 'text', maxlength: '140', testid: 'badge-note', placeholder: t('badge.note_placeholder'), autocomplete: 'off' });
  #pay = h('button', { type: 'submit', class: 'primary wide', testid: 'badge-pay' });
  #state = h('div', { class: 'badge-state', testid: 'badge-state', role: 'status', data: { state: 'idle' } });
  #form = h('form', { class: 'stack' });

  connectedCallback() {
    const methods = h(
      'fieldset',
      { class: 'test-mode' },
      h('legend', {}, t('badge.test_mode')),
      h('div', { class: 'segments' }, ...METHODS.map((method) =>
        h('label', { class: 'segment', testid: `badge-method-${method}` },
          h('input', { type: 'radio', name: 'method', value: method, checked: method === this.#method, onchange: () => (this.#method = method) }),
          h('span', {}, t(`badge.method_${method}`)),
        ))),
    );
    this.#form.append(
      h('h3', {}, t('badge.whom')), this.#recipients,
      h('h3', {}, t('badge.which')), this.#skus,
      h('label', { class: 'field' }, h('span', {}, t('badge.note_label')), this.#note),
      methods,
      this.#pay,
    );
    this.#form.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#buy();
    });
    this.append(this.#state, this.#form);
    this.room?.addEventListener('change', this.#draw);
    this.#update();
  }

  disconnectedCallback() {
    this.room?.removeEventListener('change', this.#draw);
    clearTimeout(this.#slow);
  }

  #item() {
    return this.room?.view.room?.catalogue.find(({ sku }) => sku === this.#sku);
  }

  #update() {
    const view = this.room?.view;
    if (!view?.room) return;
    const seated = view.occupied().filter(({ d }) => d.person.user !== view.me);
    if (!seated.some(({ d }) => d.person.user === this.#recipient)) this.#recipient = seated[0]?.d.person.user ?? '';
    if (!this.#item()) this.#sku = view.room.catalogue[0]?.sku ?? '';

    keyed(this.#recipients, seated, ({ d }) => d.person.user, ({ d }) => this.#recipientTile(d.person), (element, { d }) => {
      choose(element, d.person.user === this.#recipient);
      say(element.querySelector('small'), t('badge.received', { count: d.total.hearts }));
    });
    keyed(this.#skus, view.room.catalogue, ({ sku }) => sku, (item) => this.#skuTile(item), (element, { sku }) => choose(element, sku === this.#sku));

    const item = this.#item();
    const off = seated.length === 0 || !item;
    this.#form.hidden = off || this.#buying !== null || this.#state.dataset.state === 'awarded';
    if (item) say(this.#pay, t('badge.pay', { price: price(item.price) }));
    if (off && !this.#buying) this.#tell('unavailable', t(item ? 'badge.nobody' : 'badge.off'));
    else if (this.#state.dataset.state === 'unavailable') this.#tell('idle', '');
    this.#follow();
  }

  /** @param {import('./view.js').Person} person */
  #recipientTile(person) {
    return h('button', { type: 'button', class: 'choice person', role: 'radio', testid: 'badge-recipient', data: { user: person.user }, onclick: () => this.#choose({ recipient: person.user }), onkeydown: roam },
      avatar(person), h('span', { class: 'choice-words' }, h('span', { class: 'choice-name' }, person.name), h('small', {})));
  }

  /** @param {import('./view.js').CatalogueItem} item */
  #skuTile({ sku, hearts, price: cost }) {
    return h('button', { type: 'button', class: 'choice', role: 'radio', testid: 'badge-sku', 'aria-label': t('badge.sku', { count: hearts, price: price(cost) }), data: { sku, hearts: String(hearts) }, onclick: () => this.#choose({ sku }), onkeydown: roam },
      h('span', { class: 'sku-hearts' }, ...Array.from({ length: hearts }, () => icon('heart_full', 'warm'))), h('strong', {}, price(cost)));
  }

  /** @param {{recipient?: string, sku?: string}} choice */
  #choose({ recipient = this.#recipient, sku = this.#sku }) {
    this.#recipient = recipient;
    this.#sku = sku;
    this.#update();
  }

  async #buy() {
    const room = this.room;
    const item = this.#item();
    if (!room || !item) return;
    const known = new Set((room.view.user?.purchases ?? []).map(({ purchase }) => purchase));
    this.#pay.disabled = true;
    this.#tell('sending', t('badge.paying'));
    try {
      const d = { recipient: this.#recipient, sku: this.#sku, note: this.#note.value.trim(), method: `sandbox:${this.#method}` };
      this.#buying = { known, purchase: '', since: Date.now() };
      await room.command('begin_badge', d);
      this.#slow = window.setTimeout(() => this.#follow(), SLOW_MS);
      this.#update();
      this.#tell('pending', t('badge.pending', { price: price(item.price) }));
      this.#follow();
    } catch (error) {
      this.#buying = null;
      this.#update();
      this.#tell('refused', sentence(error), error instanceof Error ? error.name : '');
    } finally {
      this.#pay.disabled = false;
    }
  }

  /** Finds the purchase that the command began, and says where it stands. */
  #follow() {
    const buying = this.#buying;
    const purchases = this.room?.view.user?.purchases ?? [];
    if (!buying) return;
    const purchase = purchases.find(({ purchase: id, recipient, sku }) =>
      buying.purchase ? id === buying.purchase : !buying.known.has(id) && recipient === this.#recipient && sku === this.#sku);
    if (purchase) buying.purchase = purchase.purchase;
    const state = purchase?.state ?? 'pending';
    if (state === 'pending') {
      if (this.#state.dataset.state === 'pending' && Date.now() - buying.since >= SLOW_MS) this.#tell('pending', t('badge.pending_slow'));
      return;
    }
    this.#buying = null;
    clearTimeout(this.#slow);
    const hearts = this.room?.view.room?.catalogue.find(({ sku }) => sku === purchase?.sku)?.hearts ?? 1;
    const to = this.room?.view.person(purchase?.recipient ?? '').name ?? '';
    if (state === 'awarded') {
      this.#tell('awarded', t('badge.awarded', { to, count: hearts }));
      this.#form.hidden = true;
      this.#state.append(h('button', { type: 'button', class: 'plain', onclick: () => this.#again() }, t('badge.another')));
    } else {
      this.#tell(state, t(`badge.${state}`));
      this.#form.hidden = false;
    }
  }

  #again() {
    this.#note.value = '';
    this.#tell('idle', '');
    this.#update();
  }

  /** @param {string} state @param {string} text @param {string} [name] */
  #tell(state, text, name = '') {
    if (this.#state.dataset.state === state && this.#state.querySelector('p')?.textContent === text) return;
    this.#state.dataset.state = state;
    this.#state.dataset.name = name;
    const picture = { pending: h('span', { class: 'spinner', 'aria-hidden': 'true' }), sending: h('span', { class: 'spinner', 'aria-hidden': 'true' }), awarded: icon('heart_full', 'warm beat'), idle: null }[state];
    this.#state.replaceChildren(...(text ? [picture === undefined ? icon('warning') : picture, h('p', {}, text)].filter(Boolean) : []));
    if (text) this.#state.scrollIntoView({ block: 'nearest' });
    if (state === 'refused') this.#state.querySelector('p').dataset.testid = 'refusal';
  }
}

/** @param {HTMLElement} element @param {boolean} chosen */
function choose(element, chosen) {
  element.setAttribute('aria-checked', String(chosen));
  element.tabIndex = chosen ? 0 : -1;
}

/** Arrow keys move between the choices of one group, as in any group of radio buttons. @param {KeyboardEvent} event */
function roam(event) {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const step = steps[/** @type {keyof typeof steps} */ (event.key)];
  const here = /** @type {HTMLElement} */ (event.currentTarget);
  if (!step || !here.parentElement) return;
  event.preventDefault();
  const all = [...here.parentElement.children];
  const next = /** @type {HTMLElement} */ (all[(all.indexOf(here) + step + all.length) % all.length]);
  next.click();
  next.focus();
}

customElements.define('salon-badge-sheet', SalonBadgeSheet);

/** @param {import('./salon.js').Room} room */
export function openBadges(room) {
  const body = /** @type {SalonBadgeSheet} */ (document.createElement('salon-badge-sheet'));
  body.room = room;
  return sheet({ title: t('badge.title'), lead: t('badge.lead'), class: 'tall', testid: 'badge-sheet' }, body);
}
