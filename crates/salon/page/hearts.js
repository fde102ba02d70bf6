// @ts-check
/** Hearts that rise over the stage. They are decoration; the count is told in words elsewhere. */

import { h } from './dom.js';
import { icon } from './icons.js';

/** Hearts in the air at once; a crowd's hearts are thinned to this, never queued. */
const FLYING_MAX = 28;

const still = matchMedia('(prefers-reduced-motion: reduce)');

export class Hearts {
  element = h('div', { class: 'hearts', 'aria-hidden': 'true' });

  /**
   * @param {number} count
   * @param {{x?: number, y?: number, special?: boolean}} [options] where they start, in pixels of the stage; the lower right corner by default
   */
  burst(count, { x, y, special = false } = {}) {
    if (still.matches) return;
    const { clientWidth: width, clientHeight: height } = this.element;
    const free = FLYING_MAX - this.element.childElementCount;
    for (let i = 0; i < Math.min(count, free, 8); i += 1) {
      this.#fly(x ?? width - 44 - Math.random() * 24, y ?? height - 72, i * 90, special);
    }
  }

  /** @param {number} x @param {number} y @param {number} delay @param {boolean} special */
  #fly(x, y, delay, special) {
    const heart = h('span', { class: `flying${special ? ' special' : ''}` }, icon('heart_full', 'warm'));
    this.element.append(heart);
    const sway = (Math.random() - 0.5) * 70;
    const rise = 160 + Math.random() * 160;
    const size = (special ? 1.5 : 1) * (0.8 + Math.random() * 0.5);
    const at = (/** @type {number} */ dx, /** @type {number} */ dy, /** @type {number} */ scale) =>
      `translate(${(x + dx).toFixed(1)}px, ${(y - dy).toFixed(1)}px) translate(-50%, -50%) scale(${scale.toFixed(2)})`;
    const flight = heart.animate(
      [
        { transform: at(0, 0, 0.2), opacity: 0 },
        { transform: at(sway * 0.2, 24, size * 1.15), opacity: 1, offset: 0.14 },
        { transform: at(sway, rise * 0.6, size), opacity: 0.95, offset: 0.6 },
        { transform: at(sway * 0.5, rise, size * 0.9), opacity: 0 },
      ],
      { duration: 1700 + Math.random() * 700, delay, easing: 'cubic-bezier(.2,.6,.4,1)', fill: 'both' },
    );
    flight.finished.catch(() => {}).finally(() => heart.remove());
  }
}
