// @ts-check
/** Camera: the last look before going live, with a title and, if one likes, guests already chosen. */

import { createRoom } from './api.js';
import { attempt, avatar, h, iconButton, say, sheet } from './dom.js';
import { icon } from './icons.js';
import { local } from './local.js';
import { peopleSearch } from './people.js';
import { deviceSheet, preview, switches } from './preview.js';
import { forget, need } from './session.js';
import { names, t } from './strings.js';

/** Seats beside the host's. */
const GUESTS_MAX = 3;

/**
 * @param {HTMLElement} root
 * @param {(route: string, intent?: {invites: string[]}) => void} go
 * @returns {Promise<() => void>} takes the screen away; the camera stays open when a live begins
 */
export async function camera(root, go) {
  const me = await need();
  if (!me) {
    go('/');
    return () => {};
  }
  /** @type {import('./view.js').Person[]} */
  let guests = [];
  let leaving = false;

  const own = preview(me);
  const controls = switches();
  const title = h('input', {
    type: 'text',
    testid: 'title-input',
    maxlength: '80',
    placeholder: t('camera.title_placeholder'),
    'aria-label': t('camera.title_label'),
    autocomplete: 'off',
    enterkeyhint: 'done',
  });
  const rooms = iconButton({ icon: 'rooms', label: t('camera.guests'), testid: 'rooms-button', onclick: chooseGuests });
  const chosen = h('p', { class: 'chosen', role: 'status' });
  const trouble = h('div', { class: 'trouble', role: 'alert' });
  const start = h('button', { type: 'button', class: 'shutter', testid: 'start-live', 'aria-label': t('camera.start'), onclick: begin }, h('span'));
  const caption = h('span', { class: 'shutter-caption', 'aria-hidden': 'true' }, t('camera.start'));

  root.append(
    h(
      'main',
      { class: 'camera' },
      own.element,
      h('span', { class: 'scrim' }),
      h(
        'header',
        { class: 'camera-head' },
        iconButton({ icon: 'close', label: t('action.home'), class: 'glass', onclick: () => go('/') }),
        h('div', { class: 'title-field' }, title),
        iconButton({ icon: 'gear', label: t('camera.devices'), class: 'glass', onclick: () => deviceSheet() }),
      ),
      trouble,
      h(
        'footer',
        { class: 'camera-foot' },
        chosen,
        h('div', { class: 'camera-actions' }, rooms, h('div', { class: 'shutter-box' }, start, caption), controls.element),
        h('div', { class: 'modes' }, h('span', { class: 'mode', 'aria-current': 'true' }, t('camera.mode'))),
      ),
    ),
  );

  /** @param {boolean} video */
  async function open(video) {
    start.disabled = true;
    trouble.replaceChildren(h('p', { class: 'quiet-note' }, t('camera.waiting')));
    const problem = await local.open({ video });
    start.disabled = !local.ready;
    if (problem) explain(problem, video);
    else if (!video) audioOnly();
    else trouble.replaceChildren();
  }

  /** @param {import('./local.js').Trouble} problem @param {boolean} video */
  function explain(problem, video) {
    // With the picture refused, sound may still be had; with both refused there is nothing to offer.
    const soundLeft = video && problem !== 'insecure';
    const key = video || problem === 'insecure' ? problem : 'no_mic';
    trouble.replaceChildren(
      h(
        'div',
        { class: 'panel-card', testid: 'camera-trouble', data: { problem } },
        icon(problem === 'insecure' ? 'warning' : 'camera_off'),
        h('h2', {}, t(`camera.${key}_title`)),
        h('p', {}, t(`camera.${key}`)),
        h(
          'div',
          { class: 'actions' },
          soundLeft && h('button', { type: 'button', class: 'plain', testid: 'audio-only', onclick: () => open(false) }, t('camera.audio_only')),
          problem !== 'insecure' && h('button', { type: 'button', class: 'primary', testid: 'camera-retry', onclick: () => open(true) }, t('action.retry')),
        ),
      ),
    );
  }

  function audioOnly() {
    trouble.replaceChildren(
      h(
        'div',
        { class: 'quiet-note' },
        t('camera.audio_on'),
        ' ',
        h('button', { type: 'button', class: 'text-button', onclick: () => open(true) }, t('camera.try_video')),
      ),
    );
  }

  const cameraCameOn = () => {
    if (local.videoTrack) trouble.replaceChildren();
    start.disabled = leaving || !local.ready;
  };
  local.addEventListener('change', cameraCameOn);

  function chooseGuests() {
    const isChosen = (/** @type {string} */ user) => guests.some((guest) => guest.user === user);
    const search = peopleSearch({
      token: me?.token ?? '',
      me: me?.user ?? '',
      state: ({ user, name }) => ({
        label: t(isChosen(user) ? 'guests.chosen' : 'guests.invite'),
        name: t('guests.invite_name', { name }),
        pressed: isChosen(user),
        disabled: !isChosen(user) && guests.length >= GUESTS_MAX,
      }),
      onpick: (person) => {
        guests = isChosen(person.user) ? guests.filter(({ user }) => user !== person.user) : [...guests, person];
        search.draw();
        drawChosen();
        say(full, guests.length >= GUESTS_MAX ? t('camera.guests_full') : '');
      },
    });
    const full = h('p', { class: 'hint', role: 'status' });
    const done = h('button', { type: 'button', class: 'primary wide', testid: 'guests-done', onclick: () => dialog.close() }, t('action.done'));
    const dialog = sheet({ title: t('camera.guests'), lead: t('camera.guests_lead'), class: 'tall' }, search.element, full, done);
  }

  function drawChosen() {
    rooms.setAttribute('aria-label', guests.length ? t('camera.guests_count', { count: guests.length }) : t('camera.guests'));
    rooms.querySelector('.count')?.remove();
    if (guests.length) rooms.append(h('span', { class: 'count', 'aria-hidden': 'true' }, String(guests.length)));
    chosen.replaceChildren();
    if (guests.length) {
      const faces = guests.map((guest) => avatar(guest, 'tiny'));
      chosen.append(h('span', { class: 'faces' }, ...faces), t('camera.guests_will', { names: names(guests.map(({ name }) => name)) }));
    }
  }

  async function begin() {
    say(caption, t('camera.starting'));
    const done = await attempt(start, async () => {
      try {
        const name = title.value.trim() || t('camera.default_title', { name: me?.name ?? '' });
        const who = await need();
        if (!who) return;
        const { room } = await createRoom(who.token, name);
        leaving = true;
        go(`/room/${encodeURIComponent(room)}`, { invites: guests.map(({ user }) => user) });
      } catch (error) {
        if (error instanceof Error && ['unauthenticated', 'token_expired'].includes(error.name)) forget();
        throw error;
      }
    });
    if (!done || !leaving) say(caption, t('camera.start'));
  }

  open(true);
  return () => {
    local.removeEventListener('change', cameraCameOn);
    own.stop();
    controls.stop();
    if (!leaving) local.close();
  };
}
