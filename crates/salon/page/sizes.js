// @ts-check
/** How large each seat is shown, in physical pixels: what decides which encoding is sent for it. */

/** Pictures fill their tiles and are cropped; most are as wide as this for their height. */
const ASPECT = 16 / 9;

/** Sizes within one step are alike: a tile that grows by a few pixels is not worth a message. */
const STEP_ROWS = 20;

export class TileSizes {
  /** @type {Map<Element, DOMRectReadOnly>} */
  #sizes = new Map();
  #observer = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) this.#sizes.set(target, contentRect);
    this.#tell();
  });
  #tellAgain = () => this.#tell();

  /** @param {number} seats @param {(rows: number[]) => void} tell called with every change */
  constructor(seats, tell) {
    this.seats = seats;
    this.tell = tell;
    document.addEventListener('visibilitychange', this.#tellAgain);
  }

  /** @param {Element} tile one whose `data-seat` says what it shows */
  watch(tile) {
    this.#observer.observe(tile);
  }

  close() {
    this.#observer.disconnect();
    document.removeEventListener('visibilitychange', this.#tellAgain);
  }

  #tell() {
    const rows = Array.from({ length: this.seats }, () => 0);
    for (const [tile, { width, height }] of this.#sizes) {
      if (!tile.isConnected) {
        this.#observer.unobserve(tile);
        this.#sizes.delete(tile);
      } else if (!document.hidden) {
        const seat = Number(/** @type {HTMLElement} */ (tile).dataset.seat);
        const shown = Math.max(height, width / ASPECT) * devicePixelRatio;
        if (seat in rows) rows[seat] = Math.ceil(shown / STEP_ROWS) * STEP_ROWS;
      }
    }
    this.tell(rows);
  }
}
