// @ts-check
/** The page's screens and the way between them: `#/`, `#/camera`, `#/room/<id>`. */

import { after } from './after.js';
import { camera } from './camera.js';
import { closeSheets, h, hush } from './dom.js';
import { home } from './home.js';
import { gradient, icon } from './icons.js';
import { SalonRoom } from './live.js';
import { local } from './local.js';
import { pcCounts } from './salon.js';
import { forget, need } from './session.js';
import { language, sentence, t } from './strings.js';

document.documentElement.lang = language;
document.title = t('app.name');
document.body.append(gradient());

const root = /** @type {HTMLElement} */ (document.querySelector('#screen'));

/** @type {(() => void)|null} */
let leave = null;
/** @type {SalonRoom|null} */
let live = null;
/** What one screen leaves for the next. @type {{invites: string[]}|null} */
let carried = null;
/** Counts screens, so that one that took its time to open does not open over a later one. */
let turn = 0;

/** @param {string} route @param {{invites: string[]}} [intent] */
function go(route, intent) {
  carried = intent ?? null;
  const hash = `#${route}`;
  if (location.hash === hash) show();
  else location.hash = hash;
}

async function show() {
  turn += 1;
  const mine = turn;
  leave?.();
  leave = null;
  live = null;
  closeSheets();
  root.replaceChildren();
  const [, screen = '', id = ''] = location.hash.split('/');
  document.body.dataset.screen = screen || 'home';
  if (screen === 'room' && id) {
    openRoom(decodeURIComponent(id));
  } else if (screen === 'camera') {
    const stop = await camera(root, go);
    if (mine === turn) leave = stop;
    else stop();
  } else {
    leave = home(root);
  }
}

/** @param {string} id */
function openRoom(id) {
  const element = new SalonRoom();
  element.setAttribute('room', id);
  element.intent = carried;
  carried = null;
  element.addEventListener('leave', () => go('/'));
  element.addEventListener('ended', (event) => {
    element.remove();
    hush();
    document.body.dataset.screen = 'after';
    after(root, /** @type {CustomEvent} */ (event).detail);
  });
  element.addEventListener('over', (event) => over(/** @type {CustomEvent} */ (event).detail));
  live = element;
  root.append(element);
}

/** @param {{name: string, reauth: boolean}} why */
async function over(why) {
  if (why.reauth) {
    // The token is no longer good: a new one, and the room again.
    forget();
    root.replaceChildren();
    if (await need()) show();
    else go('/');
    return;
  }
  document.body.dataset.screen = 'over';
  hush();
  const never = why.name === 'room_not_found' || why.name === 'not_available';
  root.replaceChildren(
    h(
      'main',
      { class: 'over', testid: 'over', data: { name: why.name } },
      icon('warning'),
      h('h1', {}, t(never ? 'over.never' : 'over.title')),
      h('p', { class: 'lead', testid: 'refusal', data: { name: why.name } }, sentence(why)),
      h('div', { class: 'actions' }, h('a', { class: 'primary', href: '#/' }, t('action.home'))),
    ),
  );
}

addEventListener('hashchange', show);
show();

/** A handle for engineers and tests: the open room, its numbers, and how many peer connections and offers were ever made. */
Object.assign(window, {
  salon: {
    get room() {
      return live?.room ?? null;
    },
    get local() {
      return local;
    },
    stats: async () => (await live?.room?.stats()) ?? { slots: [], publisher: null, signalRttMs: null },
    pcCounts,
  },
});
