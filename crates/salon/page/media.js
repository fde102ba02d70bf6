// @ts-check
/**
 * The two media sessions of a room: one WHIP session that sends, one WHEP session that receives.
 *
 * A watching session makes exactly one offer, with four audio and four video receivers, one pair a seat. Who sits where
 * is told by messages; the session is never renegotiated. Neither class knows a screen.
 */

/** Seats of a room, and so receivers of each kind. */
export const SLOTS = 4;

/**
 * The encodings of a picture, lowest first: each has half the rows of the next. A viewer gets the one that its tile needs.
 * The bitrates are guesses: what a face needs at 180, 360 and 720 rows.
 */
const ENCODINGS = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000, maxFramerate: 30 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 30 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_800_000, maxFramerate: 30 },
];

/** From how many rows of the capture browsers send two encodings, and three; of more they drop the highest (libwebrtc, measured at 360 to 720 rows). */
const TWO_ENCODINGS_ROWS_MIN = 270;
const THREE_ENCODINGS_ROWS_MIN = 540;

/** How long sizes of tiles are collected before they are told: longer than a person drags an edge without stopping. A guess. */
const TILES_MS = 300;

/** @param {number} rows of the capture @returns {RTCRtpEncodingParameters[]} */
export function encodingsFor(rows) {
  const count = rows >= THREE_ENCODINGS_ROWS_MIN ? 3 : rows >= TWO_ENCODINGS_ROWS_MIN ? 2 : 1;
  return ENCODINGS.slice(-count).map((encoding) => ({ ...encoding }));
}

/** How long a session may stay disconnected before it is given up: one lost second of radio is common, five are not. */
const DISCONNECTED_MS_MAX = 4_000;

/** A session that has not connected after this long will not. */
const CONNECT_MS_MAX = 12_000;

/** Sessions made over the life of the page, and offers made by those that watch: equal numbers prove that nothing is renegotiated. */
export const pcCounts = { watch: 0, publish: 0, offers: 0, lost: 0 };

/** A media session was refused; `name` is the wire's error name where the server gave one. */
export class MediaRefusal extends Error {
  /** @param {number} status @param {{code?: number, name?: string, class?: string, message?: string}} body */
  constructor(status, body) {
    super(body.message ?? `media session refused with ${status}`);
    this.status = status;
    this.name = body.name ?? 'internal';
    this.code = body.code ?? 0;
    this.class = body.class ?? 'retry';
  }
}

/**
 * @param {URL} url
 * @param {string} token
 * @param {string} sdp
 * @returns {Promise<{sdp: string, location: URL|null}>}
 */
async function post(url, token, sdp) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp', authorization: `Bearer ${token}` },
    body: sdp,
  });
  if (!response.ok) throw new MediaRefusal(response.status, await response.json().catch(() => ({})));
  const location = response.headers.get('location');
  return { sdp: await response.text(), location: location ? new URL(location, response.url) : null };
}

/** What both kinds of session share: one peer connection, one offer, one URL to delete. Fires `up` and `down`, each once. */
class Session extends EventTarget {
  /** @param {URL} url @param {string} token */
  constructor(url, token) {
    super();
    this.url = url;
    this.token = token;
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    /** @type {URL|null} */
    this.location = null;
    this.up = false;
    this.closed = false;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    this.pc.addEventListener('connectionstatechange', () => this.#follow());
  }

  /** Makes the one offer and takes its answer. */
  async start() {
    this.timer = setTimeout(() => this.#down(), CONNECT_MS_MAX);
    try {
      const offer = await this.pc.createOffer();
      await this.pc.setLocalDescription(offer);
      const { sdp, location } = await post(this.url, this.token, offer.sdp ?? '');
      this.location = location;
      if (this.closed) return this.#forget();
      await this.pc.setRemoteDescription({ type: 'answer', sdp });
    } catch (error) {
      if (!this.closed) this.close();
      throw error;
    }
  }

  /** Ends the session here and at the server. No event follows. */
  close() {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    this.pc.close();
    this.#forget();
  }

  #forget() {
    if (!this.location) return;
    const headers = { authorization: `Bearer ${this.token}` };
    // The server notices a vanished peer by itself; this only makes it sooner.
    fetch(this.location, { method: 'DELETE', headers, keepalive: true }).catch(() => {});
    this.location = null;
  }

  #follow() {
    if (this.closed) return;
    const state = this.pc.connectionState;
    if (state === 'connected') {
      clearTimeout(this.timer);
      if (!this.up) {
        this.up = true;
        this.dispatchEvent(new Event('up'));
      }
    } else if (state === 'failed' || state === 'closed') {
      this.#down();
    } else if (state === 'disconnected') {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#down(), DISCONNECTED_MS_MAX);
    }
  }

  #down() {
    if (this.closed) return;
    this.close();
    this.dispatchEvent(new Event('down'));
  }
}

/** Sends one stream: the tracks can be replaced at any time, the session stays as negotiated. */
export class Publisher extends Session {
  /**
   * @param {URL} url the room's WHIP address
   * @param {string} token the grant's token
   * @param {MediaStream} stream
   * @param {string} codec `vp8` or `h264`
   */
  constructor(url, token, stream, codec) {
    super(url, token);
    pcCounts.publish += 1;
    this.codec = codec;
    const [audio] = stream.getAudioTracks();
    const [video] = stream.getVideoTracks();
    const rows = video?.getSettings().height ?? 720;
    // A sender without a track is offered too, so that a camera switched on later needs no second offer.
    this.audio = this.pc.addTransceiver(audio ?? 'audio', { direction: 'sendonly', streams: [stream] });
    this.video = this.pc.addTransceiver(video ?? 'video', {
      direction: 'sendonly',
      streams: [stream],
      sendEncodings: encodingsFor(rows),
    });
    this.#prefer(codec);
  }

  /** @param {MediaStream} stream */
  async replace(stream) {
    const [audio] = stream.getAudioTracks();
    const [video] = stream.getVideoTracks();
    await this.audio.sender.replaceTrack(audio ?? null);
    await this.video.sender.replaceTrack(video ?? null);
  }

  /**
   * Sends only what is watched, and always the lowest encoding: whoever comes next starts with it.
   * @param {number[]} wanted places in the list of encodings
   */
  async layers(wanted) {
    const { sender } = this.video;
    const parameters = sender.getParameters();
    parameters.encodings.forEach((encoding, place) => (encoding.active = place === 0 || wanted.includes(place)));
    // A session that has just ended has nothing to set.
    await sender.setParameters(parameters).catch(() => {});
  }

  /** Offers the one codec asked for, so that the answer leaves no choice. @param {string} codec */
  #prefer(codec) {
    const all = RTCRtpSender.getCapabilities?.('video')?.codecs ?? [];
    const chosen = all.filter(({ mimeType }) => mimeType.toLowerCase() === `video/${codec}`);
    const repair = all.filter(({ mimeType }) => mimeType.toLowerCase() === 'video/rtx');
    if (chosen.length > 0) this.video.setCodecPreferences?.([...chosen, ...repair]);
  }

  async stats() {
    const report = await this.pc.getStats();
    const values = [...report.values()];
    const videos = values.filter((s) => s.type === 'outbound-rtp' && s.kind === 'video');
    // Of several encodings the largest that is sent stands for the picture.
    const video = [...videos].sort((a, b) => (b.frameHeight ?? 0) - (a.frameHeight ?? 0)).find((s) => s.active ?? true) ?? videos[0];
    const videoBytesSent = videos.reduce((sum, s) => sum + (s.bytesSent ?? 0), 0);
    const audio = values.find((s) => s.type === 'outbound-rtp' && s.kind === 'audio');
    const remote = values.find((s) => s.type === 'remote-inbound-rtp' && s.kind === 'video');
    return {
      codec: report.get(video?.codecId)?.mimeType ?? null,
      framesEncoded: video?.framesEncoded ?? 0,
      frameWidth: video?.frameWidth ?? 0,
      frameHeight: video?.frameHeight ?? 0,
      framesPerSecond: video?.framesPerSecond ?? 0,
      encodings: videos.map((s) => ({ rid: s.rid ?? null, rows: s.frameHeight ?? 0, active: s.active ?? true })),
      bytesSent: videoBytesSent + (audio?.bytesSent ?? 0),
      videoBytesSent,
      audioBytesSent: audio?.bytesSent ?? 0,
      packetsSent: video?.packetsSent ?? 0,
      packetsLost: remote?.packetsLost ?? 0,
      nackCount: video?.nackCount ?? 0,
      pliCount: video?.pliCount ?? 0,
      rttMs: remote?.roundTripTime === undefined ? roundTripMs(values) : remote.roundTripTime * 1000,
      state: this.pc.connectionState,
    };
  }
}

/** Receives every seat. `slots[i]` is seat i, for as long as the session lives. */
export class Watcher extends Session {
  /** @param {URL} url the room's WHEP address @param {string} token the user's token */
  constructor(url, token) {
    super(url, token);
    pcCounts.watch += 1;
    /** @type {number[]} as told last, or to be told once the session has a name */
    this.rows = [];
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.tilesTimer = undefined;
    this.addEventListener('down', () => (pcCounts.lost += 1));
    const receivers = (/** @type {'audio'|'video'} */ kind) =>
      Array.from({ length: SLOTS }, () => this.pc.addTransceiver(kind, { direction: 'recvonly' }));
    const audio = receivers('audio');
    const video = receivers('video');
    /** @type {{audio: MediaStream, video: MediaStream, transceivers: {audio: RTCRtpTransceiver, video: RTCRtpTransceiver}}[]} */
    this.slots = audio.map((transceiver, index) => ({
      audio: new MediaStream([transceiver.receiver.track]),
      video: new MediaStream([video[index].receiver.track]),
      transceivers: { audio: transceiver, video: video[index] },
    }));
  }

  /**
   * Tells how many rows of pixels each seat is shown with, so that nothing larger is sent. Until then the largest is.
   * @param {number[]} rows by seat; 0 for one that is not shown
   */
  tiles(rows) {
    if (rows.join() === this.rows.join()) return;
    this.rows = rows;
    clearTimeout(this.tilesTimer);
    this.tilesTimer = setTimeout(() => this.#tellTiles(), TILES_MS);
  }

  #tellTiles() {
    if (!this.location || this.closed) return;
    const url = new URL(`${this.location.pathname}/tiles`, this.location);
    // If it is lost, larger pictures come than are needed until the next change.
    fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ rows: this.rows }) }).catch(() => {});
  }

  async start() {
    pcCounts.offers += 1;
    try {
      await super.start();
      if (this.rows.length > 0) this.#tellTiles();
    } catch (error) {
      pcCounts.lost += 1;
      throw error;
    }
  }

  /** One entry per seat and kind, zeros where nothing has come yet. */
  async stats() {
    const report = await this.pc.getStats();
    const values = [...report.values()];
    const inbound = values.filter((s) => s.type === 'inbound-rtp');
    const rttMs = roundTripMs(values);
    return this.slots.flatMap(({ transceivers }, slot) =>
      Object.entries(transceivers).map(([kind, transceiver]) => {
        const s = inbound.find((candidate) => candidate.mid === transceiver.mid) ?? {};
        return {
          slot,
          kind,
          framesDecoded: s.framesDecoded ?? 0,
          frameWidth: s.frameWidth ?? 0,
          frameHeight: s.frameHeight ?? 0,
          framesPerSecond: s.framesPerSecond ?? 0,
          totalAudioEnergy: s.totalAudioEnergy ?? 0,
          bytesReceived: s.bytesReceived ?? 0,
          packetsReceived: s.packetsReceived ?? 0,
          packetsLost: s.packetsLost ?? 0,
          freezeCount: s.freezeCount ?? 0,
          nackCount: s.nackCount ?? 0,
          pliCount: s.pliCount ?? 0,
          jitterBufferMs: s.jitterBufferEmittedCount ? (1000 * s.jitterBufferDelay) / s.jitterBufferEmittedCount : 0,
          codec: report.get(s.codecId)?.mimeType ?? null,
          rttMs,
        };
      }),
    );
  }
}

/** @param {any[]} values */
function roundTripMs(values) {
  const pair = values.find((s) => s.type === 'candidate-pair' && s.nominated && s.currentRoundTripTime !== undefined);
  return pair ? pair.currentRoundTripTime * 1000 : null;
}
