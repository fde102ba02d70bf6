// @ts-check
/** `<salon-tile>`: one seat of the stage. It is told what to show; it asks nobody. */

import { avatar, h, say, tint } from './dom.js';
import { icon } from './icons.js';
import { number, t } from './strings.js';

/**
 * @typedef {{
 *   seat: number, stint: string, person: {user: string, name: string}, self: boolean, host: boolean,
 *   media: {mic: boolean, cam: boolean}, speaking: boolean, lost: boolean, hearts: number,
 * }} TileState
 */

/** Runs once the element has shown a picture. @param {HTMLVideoElement} video @param {() => void} then */
function onPicture(video, then) {
  if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(() => then());
  else /** @type {HTMLVideoElement} */ (video).addEventListener('timeupdate', () => then(), { once: true });
}

export class SalonTile extends HTMLElement {
  /** @type {HTMLVideoElement|null} */
  #video = null;
  /** @type {HTMLVideoElement|null} the next stream, kept out of sight until it has a picture */
  #next = null;
  #audio = document.createElement('audio');
  #pictures = h('div', { class: 'tile-pictures' });
  #face = h('div', { class: 'tile-face' });
  #name = h('span', { class: 'tile-name' });
  #mic = h('span', { class: 'tile-mark', role: 'img', 'aria-label': t('tile.mic_off') }, icon('mic_off'));
  #lost = h('span', { class: 'tile-mark', role: 'img', 'aria-label': t('tile.lost') }, icon('warning'));
  #total = h('span', { class: 'tile-total', testid: 'badge-total', role: 'img' }, icon('heart_full', 'warm'), h('span', {}));
  #stats = h('pre', { class: 'tile-stats', 'aria-hidden': 'true' });
  #stint = '';
  #user = '';

  connectedCallback() {
    if (this.firstChild) return;
    this.dataset.testid = 'tile';
    this.setAttribute('role', 'group');
    this.#audio.autoplay = true;
    const label = h('div', { class: 'tile-label' }, this.#name, this.#mic, this.#lost, this.#total);
    this.append(this.#face, this.#pictures, this.#audio, label, this.#stats);
  }

  /** @param {TileState} state */
  show(state) {
    const { seat, stint, person, self, host, media, speaking, lost, hearts } = state;
    this.dataset.seat = String(seat);
    this.dataset.user = person.user;
    this.dataset.stint = stint;
    if (stint !== this.#stint) this.#newStay(stint);
    if (person.user !== this.#user) {
      this.#user = person.user;
      this.#face.replaceChildren(avatar(person));
      tint(this.#face, person);
    }
    this.setAttribute('aria-label', self ? t('tile.you') : t('tile.of', { name: person.name }));
    say(this.#name, self ? t('live.you') : person.name);
    this.toggleAttribute('data-host', host);
    this.toggleAttribute('data-speaking', speaking && media.mic);
    this.toggleAttribute('data-lost', lost);
    this.toggleAttribute('data-cam-off', !media.cam);
    this.#mic.hidden = media.mic;
    this.#lost.hidden = !lost;
    this.#total.hidden = hearts === 0;
    this.#total.setAttribute('aria-label', t('tile.hearts', { count: hearts }));
    say(this.#total.lastChild, number(hearts));
    this.#total.dataset.hearts = String(hearts);
  }

  /**
   * Gives the streams to play. The last picture stays until the new stream has one.
   * @param {{video: MediaStream, audio: MediaStream|null, mirrored?: boolean}} streams
   */
  play({ video, audio, mirrored = false }) {
    this.toggleAttribute('data-mirrored', mirrored);
    if (audio !== this.#audio.srcObject) this.#audio.srcObject = audio;
    const current = this.#next ?? this.#video;
    if (current?.srcObject === video) return;
    this.#next?.remove();
    const next = h('video', { playsinline: true, 'aria-hidden': 'true', tabindex: '-1', disablepictureinpicture: true });
    next.muted = true;
    next.autoplay = true;
    next.srcObject = video;
    this.#next = next;
    this.#pictures.append(next);
    onPicture(next, () => {
      if (this.#next !== next) return;
      this.#video?.remove();
      this.#video = next;
      this.#next = null;
      this.#hasPicture();
    });
    next.play().catch(() => {});
  }

  /** Starts the sound. @returns {Promise<boolean>} false when the browser wants a tap first */
  async listen() {
    if (!this.#audio.srcObject) return true;
    try {
      await this.#audio.play();
      return true;
    } catch (error) {
      return !(error instanceof Error && error.name === 'NotAllowedError');
    }
  }

  /** @param {string} text */
  stats(text) {
    say(this.#stats, text);
  }

  /** Another stay: the picture of the last person in this seat must not be seen under a new name. @param {string} stint */
  #newStay(stint) {
    this.#stint = stint;
    this.removeAttribute('data-picture');
    const video = this.#video;
    if (video) onPicture(video, () => this.#stint === stint && this.#hasPicture());
  }

  #hasPicture() {
    this.setAttribute('data-picture', '');
  }
}

customElements.define('salon-tile', SalonTile);
