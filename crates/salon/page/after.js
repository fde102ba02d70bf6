// @ts-check
/** After: how it went. */

import { summary } from './api.js';
import { avatar, h } from './dom.js';
import { icon } from './icons.js';
import { clock, number, price, t } from './strings.js';

/**
 * @param {HTMLElement} root
 * @param {{room: string, me: {user: string, name: string, token: string}, reason?: string}} options
 */
export async function after(root, { room, me, reason }) {
  const box = h('main', { class: 'after', testid: 'after', data: { room } }, h('p', { class: 'hint', role: 'status' }, t('after.loading')));
  root.append(box);
  let sum;
  try {
    sum = await summary(me.token, room);
  } catch {
    sum = null;
  }
  const own = sum?.host?.user === me.user;
  const because = reason && `after.reason.${reason}`;
  const heading = h('h1', { tabindex: '-1' }, own ? t('after.own_title', { name: me.name }) : t('after.title'));
  box.replaceChildren(
    h(
      'header',
      { class: 'after-head' },
      sum && avatar(sum.host, 'large'),
      heading,
      sum && h('p', { class: 'after-live-title' }, sum.title),
      because && t(because) !== because && h('p', { class: 'hint' }, t(because)),
    ),
    ...(sum ? figures(sum) : [h('p', { class: 'hint' }, t('after.unknown'))]),
    h(
      'div',
      { class: 'actions' },
      own && h('a', { class: 'plain', href: '#/camera' }, t('after.again')),
      h('a', { class: 'primary', href: '#/', testid: 'after-home' }, t('action.home')),
    ),
  );
  heading.focus({ preventScroll: true });
}

/** @param {any} sum */
function figures({ duration_ms, peak_viewers, hearts, totals, supporters }) {
  const figure = (/** @type {string} */ name, /** @type {string} */ value, /** @type {string} */ testid) =>
    h('div', { class: 'figure' }, h('dt', {}, name), h('dd', { testid }, value));
  return [
    h(
      'dl',
      { class: 'figures' },
      figure(t('after.duration'), clock(duration_ms ?? 0), 'after-duration'),
      figure(t('after.peak'), number(peak_viewers ?? 0), 'after-peak'),
      figure(t('after.hearts'), number(hearts ?? 0), 'after-hearts'),
    ),
    h(
      'section',
      { class: 'after-part' },
      h('h2', {}, t('after.badges')),
      totals?.length
        ? h('ul', { class: 'list' }, ...totals.map(total))
        : h('p', { class: 'hint' }, t('after.no_badges')),
    ),
    supporters?.length > 0 && h('section', { class: 'after-part' }, h('h2', {}, t('after.supporters')), h('ul', { class: 'list' }, ...supporters.map(supporter))),
  ].filter(Boolean);
}

/** @param {import('./view.js').Total} entry */
function total(entry) {
  const { person, hearts } = entry;
  return h(
    'li',
    { class: 'row', testid: 'after-total', data: { user: person.user } },
    avatar(person),
    h('span', { class: 'row-name' }, person.name),
    heartCount(hearts),
    h('strong', { class: 'money' }, price(entry)),
  );
}

/** @param {{person: import('./view.js').Person, hearts: number}} entry */
function supporter({ person, hearts }) {
  return h('li', { class: 'row', testid: 'after-supporter', data: { user: person.user } }, avatar(person), h('span', { class: 'row-name' }, person.name), heartCount(hearts));
}

/** @param {number} hearts */
function heartCount(hearts) {
  return h('span', { class: 'heart-count', role: 'img', 'aria-label': t('after.badge_hearts', { count: hearts }) }, icon('heart_full', 'warm'), number(hearts));
}
