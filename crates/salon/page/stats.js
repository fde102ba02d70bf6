// @ts-check
/** Numbers over each tile, for engineers: the page's `?stats`. */

/** @typedef {Awaited<ReturnType<import('./salon.js').Room['stats']>>} Stats */

/** Turns counters into rates between two readings. */
export class StatsText {
  /** @type {Map<string, {at: number, bytes: number}>} */
  #last = new Map();

  /**
   * @param {Stats} stats
   * @param {number|null} own the seat this page publishes, if any
   * @returns {Map<number, string>} a text for each seat
   */
  read(stats, own) {
    const at = performance.now();
    const texts = new Map();
    for (const video of stats.slots.filter(({ kind }) => kind === 'video')) {
      const audio = stats.slots.find(({ kind, slot }) => kind === 'audio' && slot === video.slot);
      texts.set(video.slot, [
        `${short(video.codec)} ${video.frameWidth}x${video.frameHeight} ${Math.round(video.framesPerSecond)} fps`,
        `v ${this.#rate(`v${video.slot}`, at, video.bytesReceived)}  a ${this.#rate(`a${video.slot}`, at, audio?.bytesReceived ?? 0)}`,
        `lost ${video.packetsLost}  nack ${video.nackCount}  frz ${video.freezeCount}`,
        `rtt ${ms(video.rttMs)}  jb ${ms(video.jitterBufferMs)}`,
      ].join('\n'));
    }
    const sent = stats.publisher;
    if (own !== null && sent) {
      texts.set(own, [
        `${short(sent.codec)} ${sent.frameWidth}x${sent.frameHeight} ${Math.round(sent.framesPerSecond)} fps`,
        `v ${this.#rate('vs', at, sent.videoBytesSent)}  a ${this.#rate('as', at, sent.audioBytesSent)} sent`,
        `sends ${sent.encodings.filter(({ active }) => active).map(({ rows }) => rows).join(' ')}`,
        `lost ${sent.packetsLost}  nack ${sent.nackCount}  pli ${sent.pliCount}`,
        `rtt ${ms(sent.rttMs)}  signal ${ms(stats.signalRttMs)}`,
      ].join('\n'));
    }
    return texts;
  }

  /** @param {string} key @param {number} at @param {number} bytes */
  #rate(key, at, bytes) {
    const last = this.#last.get(key);
    this.#last.set(key, { at, bytes });
    if (!last || at === last.at) return '–';
    return `${Math.max(0, Math.round(((bytes - last.bytes) * 8) / (at - last.at)))} kbit/s`;
  }
}

/** @param {string|null} codec */
const short = (codec) => (codec ?? '–').replace('video/', '');

/** @param {number|null} value */
const ms = (value) => (value === null ? '–' : `${Math.round(value)} ms`);
