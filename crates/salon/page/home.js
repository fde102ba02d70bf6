// @ts-check
/** Home: who is live now, and the way to go live oneself. */

import { ApiError, liveRooms } from './api.js';
import { avatar, h, keyed, say, tint } from './dom.js';
import { icon } from './icons.js';
import { ask, forget, identity } from './session.js';
import { names, number, t } from './strings.js';

/** How often the list is asked for: new rooms appear soon, and a thousand idle pages cost little. */
const POLL_MS = 4_000;

/** @typedef {import('./api.js').LiveRoom} LiveRoom */

/**
 * @param {HTMLElement} root
 * @returns {() => void} takes the screen away
 */
export function home(root) {
  const cards = h('ul', { class: 'cards', 'aria-label': t('home.title') });
  const banners = h('div', { class: 'banners' });
  const state = h('div', { class: 'home-state' });
  const offline = h('p', { class: 'hint', role: 'status' });
  const account = h('button', { type: 'button', class: 'account', testid: 'account', onclick: () => ask().then(person) });
  const start = (/** @type {string} */ className) =>
    h('a', { class: `primary ${className}`, href: '#/camera', testid: className === 'in-head' ? undefined : 'go-live-button' }, icon('camera'), t('home.go_live'));

  root.append(
    h(
      'div',
      { class: 'home' },
      h('header', { class: 'home-head' }, h('h1', { class: 'wordmark' }, t('app.name')), h('span', { class: 'grow' }), account),
      banners,
      h('main', {}, h('h2', { class: 'home-title' }, t('home.title')), offline, state, cards),
      h('div', { class: 'home-foot' }, start('go')),
    ),
  );

  function person() {
    const me = identity();
    account.replaceChildren(me ? avatar(me) : h('span', { class: 'plain' }, t('sign.in')));
    account.setAttribute('aria-label', me ? t('sign.change', { name: me.name }) : t('sign.in'));
  }
  person();

  let timer = 0;
  const stop = new AbortController();
  say(offline, '');
  state.append(h('div', { class: 'cards waiting', role: 'status', 'aria-label': t('home.loading') }, h('span', { class: 'card' }), h('span', { class: 'card' })));

  async function poll() {
    try {
      const { rooms } = await liveRooms(identity()?.token, stop.signal);
      say(offline, '');
      // A room that is only just ending may have nobody in it.
      draw(rooms.filter(({ host }) => host));
    } catch (error) {
      if (stop.signal.aborted) return;
      // A token that has run out must not hide the list.
      if (error instanceof ApiError && error.class === 'reauth') forget();
      say(offline, t('home.offline'));
      state.querySelector('.waiting')?.remove();
    }
    if (!stop.signal.aborted) timer = window.setTimeout(poll, POLL_MS);
  }

  /** @param {LiveRoom[]} rooms */
  function draw(rooms) {
    if (rooms.length > 0) state.replaceChildren();
    else if (!state.querySelector('.empty')) state.replaceChildren(empty());
    root.firstElementChild?.toggleAttribute('data-empty', rooms.length === 0);
    keyed(banners, rooms.filter(({ invited }) => invited), ({ room }) => room, banner);
    keyed(cards, rooms, ({ room }) => room, card, fill);
  }

  poll();
  return () => {
    stop.abort();
    clearTimeout(timer);
  };
}

function empty() {
  const tiles = ['0', '1', '2', '3'].map((place) => h('span', { class: 'empty-tile', data: { place } }));
  return h(
    'div',
    { class: 'empty' },
    h('div', { class: 'empty-art', 'aria-hidden': 'true' }, ...tiles, h('span', { class: 'empty-heart' }, icon('heart_full', 'warm'))),
    h('h3', {}, t('home.empty_title')),
    h('p', {}, t('home.empty_lead')),
  );
}

/** @param {LiveRoom} room */
function banner({ room, title, host }) {
  return h(
    'a',
    { class: 'banner', href: `#/room/${encodeURIComponent(room)}`, testid: 'invite-banner', data: { room } },
    avatar(host),
    h('span', { class: 'grow' }, t('home.invited', { host: host.name, title })),
    h('span', { class: 'banner-open' }, t('home.invited_open')),
  );
}

/** @param {LiveRoom} room */
function card({ room }) {
  return h(
    'li',
    { testid: 'room-card', data: { room } },
    h(
      'a',
      { class: 'card', href: `#/room/${encodeURIComponent(room)}` },
      h('span', { class: 'mosaic', 'aria-hidden': 'true' }),
      h(
        'span',
        { class: 'card-top' },
        h('span', { class: 'live-mark' }, t('home.live')),
        h('span', { class: 'card-viewers', role: 'img' }, icon('eye'), h('span')),
      ),
      h('span', { class: 'card-foot' }, h('strong'), h('span')),
    ),
  );
}

/** @param {HTMLElement} element @param {LiveRoom} room */
function fill(element, { title, host, guests, viewers }) {
  const link = /** @type {HTMLElement} */ (element.firstElementChild);
  link.setAttribute('aria-label', `${t('home.open', { title, host: host.name })}. ${t('home.viewers', { count: viewers })}`);
  const people = [host, ...guests].slice(0, 4);
  const mosaic = /** @type {HTMLElement} */ (link.querySelector('.mosaic'));
  mosaic.dataset.count = String(people.length);
  keyed(mosaic, people, ({ user }) => user, (person) => {
    const tile = h('span', { class: 'mosaic-tile' }, avatar(person));
    tint(tile, person);
    return tile;
  });
  const count = /** @type {HTMLElement} */ (link.querySelector('.card-viewers'));
  count.setAttribute('aria-label', t('home.viewers', { count: viewers }));
  say(/** @type {Element} */ (count.lastElementChild), number(viewers));
  say(/** @type {Element} */ (link.querySelector('strong')), title);
  const guestNames = guests.map(({ name }) => name);
  say(/** @type {Element} */ (link.querySelector('.card-foot span')), guestNames.length ? `${host.name} ${t('home.with', { names: names(guestNames) })}` : host.name);
}
