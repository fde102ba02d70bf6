// @ts-check
/** The way to a seat, seen by the one who takes it: invited or accepted, then a few seconds to prepare. */

import { attempt, h, notice, sheet, warn } from './dom.js';
import { local } from './local.js';
import { preview, switches, tell } from './preview.js';
import { t } from './strings.js';

/** The radius of the countdown's ring, in units of its own drawing. */
const RING = 2 * Math.PI * 20;

/** Follows the person's own offers and shows the sheet that fits. */
export class Joining {
  /** @type {{offer: string, step: string, dialog: HTMLDialogElement, tick: () => void}|null} */
  #shown = null;
  /** The offer one has just taken; its sheet closes without a word. */
  #taken = '';

  /**
   * @param {import('./salon.js').Room} room
   * @param {{user: string, name: string}} me
   */
  constructor(room, me) {
    this.room = room;
    this.me = me;
  }

  /** Called whenever the view changed, and every second. */
  draw() {
    const offer = this.room.view.user?.offer ?? null;
    const shown = this.#shown;
    if (shown && (!offer || offer.offer !== shown.offer || offer.step !== shown.step)) {
      this.#shown = null;
      shown.dialog.close();
    }
    if (offer && !this.#shown) {
      const made = offer.step === 'preparing' ? this.#prepare(offer) : this.#invited(offer);
      this.#shown = { offer: offer.offer, step: offer.step, ...made };
    }
    this.#shown?.tick();
  }

  /** Tells how an offer or a request ended, when it did not end in a seat. @param {{t: string, d: any}} body */
  event({ t: name, d }) {
    const { outcome } = d;
    if (name === 'request_closed' && ['declined', 'expired', 'voided'].includes(outcome)) warn(t(`join.${outcome}`), `request_${outcome}`);
    if (name === 'invite_closed' && ['cancelled', 'expired', 'voided'].includes(outcome)) {
      const preparing = this.#shown?.step === 'preparing';
      warn(t(preparing ? 'prepare.missed' : 'invite.closed'), `invite_${outcome}`);
    }
  }

  stop() {
    this.#shown?.dialog.close();
    this.#shown = null;
  }

  #seconds() {
    return Math.max(0, Math.ceil(((this.room.view.user?.offer?.until_ms ?? 0) - this.room.now()) / 1000));
  }

  /** @param {NonNullable<import('./view.js').UserState['offer']>} offer */
  #invited({ offer, by }) {
    const until = h('p', { class: 'hint' });
    const accept = h('button', {
      type: 'button', class: 'primary', testid: 'accept-invite', autofocus: true,
      onclick: () => attempt(accept, () => this.room.command('accept_invite', { offer })),
    }, t('invite.accept'));
    const decline = h('button', {
      type: 'button', class: 'plain', testid: 'decline-invite',
      onclick: () => attempt(decline, () => this.room.command('decline_invite', { offer })),
    }, t('invite.decline'));
    const host = by ?? this.room.view.room?.host ?? this.me;
    const dialog = sheet(
      { title: t('invite.title', { by: this.room.view.person(host).name }), lead: t('invite.lead'), class: 'small', testid: 'invite-sheet', firm: true },
      until,
      h('div', { class: 'actions' }, decline, accept),
    );
    return { dialog, tick: () => (until.textContent = t('invite.until', { seconds: this.#seconds() })) };
  }

  /** @param {NonNullable<import('./view.js').UserState['offer']>} offer */
  #prepare({ offer, until_ms }) {
    const whole = Math.max(1, until_ms - this.room.now());
    const own = preview(this.me);
    const controls = switches();
    const number = h('span', {});
    const ring = countdownRing();
    const clock = h('div', { class: 'countdown', role: 'timer', 'aria-live': 'off' }, ring.svg, number);
    const join = h('button', {
      type: 'button', class: 'primary', testid: 'confirm-ready', autofocus: true,
      onclick: async () => {
        join.textContent = t('prepare.joining');
        const done = await attempt(join, () => this.room.command('confirm_ready', { media: local.media }));
        join.textContent = t('prepare.join');
        if (done) this.#taken = offer;
      },
    }, t('prepare.join'));
    const cancel = h('button', {
      type: 'button', class: 'plain', testid: 'cancel-ready',
      onclick: () => attempt(cancel, () => this.room.command('decline_invite', { offer })),
    }, t('prepare.cancel'));
    const dialog = sheet(
      {
        title: t('prepare.title'),
        lead: t('prepare.lead'),
        class: 'prepare',
        testid: 'prepare-panel',
        firm: true,
        onclose: () => {
          own.stop();
          controls.stop();
          // Not taken: the devices go dark again.
          if (this.#taken !== offer && this.room.view.seatOf(this.me.user) === null) local.close();
        },
      },
      h('div', { class: 'prepare-picture' }, own.element, clock, controls.element),
      h('div', { class: 'actions' }, cancel, join),
    );
    join.disabled = !local.ready;
    openDevices().finally(() => (join.disabled = !local.ready));
    const tick = () => {
      const left = Math.max(0, until_ms - this.room.now());
      number.textContent = String(this.#seconds());
      clock.setAttribute('aria-label', t('prepare.countdown', { seconds: this.#seconds() }));
      ring.show(left / whole);
    };
    return { dialog, tick };
  }

  /** Says that a request is on its way. */
  requested() {
    notice(t('join.sent'));
  }
}

/** The camera if there is one, else the microphone alone. */
export async function openDevices() {
  if (local.ready) return;
  const problem = await local.open({ video: true });
  if (!problem) return;
  const without = await local.open({ video: false });
  tell(without ?? problem);
}

function countdownRing() {
  const SVG = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 48 48');
  svg.setAttribute('aria-hidden', 'true');
  const circle = document.createElementNS(SVG, 'circle');
  for (const [name, value] of Object.entries({ cx: '24', cy: '24', r: '20', 'stroke-dasharray': String(RING) })) circle.setAttribute(name, value);
  svg.append(circle);
  return { svg, show: (/** @type {number} */ part) => circle.setAttribute('stroke-dashoffset', String(RING * (1 - Math.min(1, part)))) };
}
