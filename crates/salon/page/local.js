// @ts-check
/** The camera and microphone of this device. One at a time for the whole page, so that screens hand it on without a flicker. */

const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** @typedef {'refused'|'none'|'busy'|'insecure'|'failed'} Trouble */

/** Fires `change` whenever tracks or switches change. */
class LocalMedia extends EventTarget {
  /** Counts closings: what was asked for before one must not come to light after it. */
  #turn = 0;
  /** Openings happen one after another, so that no device is opened twice. */
  #opening = Promise.resolve();

  constructor() {
    super();
    this.stream = new MediaStream();
    this.mic = true;
    this.cam = true;
    /** @type {'user'|'environment'} */
    this.facing = 'user';
    /** @type {{audio?: string, video?: string}} the devices chosen, the browser's own choice when absent */
    this.chosen = {};
  }

  get audioTrack() {
    return this.stream.getAudioTracks()[0] ?? null;
  }

  get videoTrack() {
    return this.stream.getVideoTracks()[0] ?? null;
  }

  /** Whether there is anything to send. */
  get ready() {
    return this.audioTrack !== null || this.videoTrack !== null;
  }

  /** What the room is told. */
  get media() {
    return { mic: this.mic && this.audioTrack !== null, cam: this.cam && this.videoTrack !== null };
  }

  /** A selfie is shown as in a mirror, the world as it is. */
  get mirrored() {
    return (this.videoTrack?.getSettings().facingMode ?? this.facing) !== 'environment';
  }

  /**
   * Opens what is asked for and not open yet.
   * @param {{video: boolean}} wanted
   * @returns {Promise<Trouble|null>} what went wrong with it
   */
  open({ video }) {
    this.cam = video;
    const turn = this.#turn;
    const opened = this.#opening.then(() => this.#open(video, turn));
    this.#opening = opened.then(() => {});
    return opened;
  }

  /** @param {boolean} video @param {number} turn @returns {Promise<Trouble|null>} */
  async #open(video, turn) {
    if (!navigator.mediaDevices?.getUserMedia) return 'insecure';
    try {
      const asked = { audio: this.audioTrack ? false : this.#audio(), video: video && !this.videoTrack ? this.#video() : false };
      if (turn === this.#turn && (asked.audio || asked.video)) {
        const stream = await this.#request(asked);
        if (turn === this.#turn) this.#adopt(stream);
        else for (const track of stream.getTracks()) track.stop();
      }
      return null;
    } catch (error) {
      return trouble(error);
    } finally {
      this.#changed();
    }
  }

  /** @param {boolean} on */
  setMic(on) {
    this.mic = on;
    if (this.audioTrack) this.audioTrack.enabled = on;
    this.#changed();
  }

  /**
   * Off means off: the device is released and its light goes out.
   * @param {boolean} on
   * @returns {Promise<Trouble|null>}
   */
  async setCam(on) {
    if (on) return this.open({ video: true });
    this.cam = false;
    this.#drop(this.videoTrack);
    this.#changed();
    return null;
  }

  /** Takes the other camera of a phone. @returns {Promise<Trouble|null>} */
  async flip() {
    this.facing = this.facing === 'user' ? 'environment' : 'user';
    delete this.chosen.video;
    return this.#again('video');
  }

  /** @param {'audio'|'video'} kind @param {string} device @returns {Promise<Trouble|null>} */
  async choose(kind, device) {
    this.chosen[kind] = device;
    return this.#again(kind);
  }

  /** @param {'audio'|'video'} kind */
  async devices(kind) {
    const all = await (navigator.mediaDevices?.enumerateDevices() ?? []);
    return all.filter((device) => device.kind === `${kind}input`);
  }

  /** Releases the devices. */
  close() {
    this.#turn += 1;
    for (const track of this.stream.getTracks()) this.#drop(track);
    this.mic = true;
    this.cam = true;
    this.#changed();
  }

  /** @param {'audio'|'video'} kind */
  async #again(kind) {
    // Phones open one camera at a time, so the old one goes first.
    this.#drop(kind === 'audio' ? this.audioTrack : this.videoTrack);
    return this.open({ video: this.cam });
  }

  /** @param {MediaStreamConstraints} constraints */
  async #request(constraints) {
    try {
      return await navigator.mediaDevices.getUserMedia(constraints);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'OverconstrainedError') throw error;
      return navigator.mediaDevices.getUserMedia({ audio: Boolean(constraints.audio), video: Boolean(constraints.video) });
    }
  }

  #audio() {
    return this.chosen.audio ? { ...AUDIO, deviceId: { exact: this.chosen.audio } } : AUDIO;
  }

  #video() {
    return this.chosen.video ? { ...VIDEO, deviceId: { exact: this.chosen.video } } : { ...VIDEO, facingMode: this.facing };
  }

  /** @param {MediaStream} stream */
  #adopt(stream) {
    for (const track of stream.getTracks()) {
      if (track.kind === 'audio') track.enabled = this.mic;
      if (track.kind === 'video') {
        track.contentHint = 'motion';
        // Switched off again while it was starting.
        if (!this.cam) {
          track.stop();
          continue;
        }
      }
      this.stream.addTrack(track);
      track.addEventListener('ended', () => {
        this.#drop(track);
        this.#changed();
      });
    }
  }

  /** @param {MediaStreamTrack|null} track */
  #drop(track) {
    if (!track) return;
    track.stop();
    this.stream.removeTrack(track);
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {any} error @returns {Trouble} */
function trouble(error) {
  switch (error?.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'refused';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'none';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'failed';
  }
}

export const local = new LocalMedia();
