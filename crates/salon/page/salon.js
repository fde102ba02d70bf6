// @ts-check
/**
 * Salon's client: one room over one WebSocket, with its media sessions. It knows no DOM.
 *
 * ```js
 * const room = new Room({ id, token });
 * room.addEventListener('change', () => draw(room.view));
 * room.connect();
 * await room.command('post_comment', { text: 'hello' });
 * ```
 *
 * Events fired (all `CustomEvent`, the data in `detail`):
 * - `change`: the view changed; several changes of one turn are told once.
 * - `event`: one durable event, `{stream, at_ms, body}`, after it was applied. Snapshots fire none.
 * - `ephemeral`: `{t, d}`, to be shown once and forgotten.
 * - `connection`: `'connecting' | 'online' | 'offline'`.
 * - `grants`: the publish grant, or null.
 * - `slots`: the receiving session was made anew; `room.slots` holds its streams.
 * - `publishing`: `'idle' | 'connecting' | 'up' | 'refused'`.
 * - `over`: the connection will not come back, `{name, reauth}`.
 */

import { MediaRefusal, Publisher, Watcher, pcCounts } from './media.js';
import { RoomView } from './view.js';

export { MediaRefusal, RoomView, pcCounts };

/** The protocol versions this client speaks. */
const VERSIONS = [1];

/** Unanswered commands kept; more than this from one person is a loop somewhere. */
const PENDING_MAX = 64;

/** A command without an answer for this long is given up; the server keeps its id, so a repeat would be harmless. */
const COMMAND_MS_MAX = 15_000;

/** No welcome within this time: try again. */
const WELCOME_MS_MAX = 10_000;

/** Reconnecting waits 0.4 s, then twice as long each time up to 8 s, always with jitter, so that crowds come back spread out. */
const BACKOFF_MS_MIN = 400;
const BACKOFF_MS_MAX = 8_000;

/** Hearts are sent in bundles of this rhythm and at most this size. */
const HEARTS_MS = 300;
const HEARTS_MAX = 20;

/** A refused command. `name` is stable and is what a page translates; `message` is the server's own sentence. */
export class Refusal extends Error {
  /** @param {{code?: number, name: string, class?: string, message?: string, retry_after_ms?: number}} d */
  constructor(d) {
    super(d.message ?? d.name);
    this.code = d.code ?? 0;
    this.name = d.name;
    this.class = d.class ?? 'retry';
    this.retry_after_ms = d.retry_after_ms;
  }
}

/** @param {number} attempt */
const backoffMs = (attempt) => Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** attempt) * (0.5 + Math.random() / 2);

/** One room, as one person sees it. */
export class Room extends EventTarget {
  #base;
  #token;
  #codec;
  /** @type {WebSocket|null} */
  #socket = null;
  #attempt = 0;
  #ready = false;
  #over = false;
  #timers = new Timers();
  #lastFrameAt = 0;
  #pingedAt = 0;
  /** @type {Map<number, {body: {t: string, d?: object}, resolve: (ok: any) => void, reject: (why: Refusal) => void, timer: any}>} */
  #pending = new Map();
  #lastId = 0;
  #changed = false;
  #hearts = 0;
  #acked = '';
  /** @type {{seat: number, stint: number|string, fence: number, token: string}|null} */
  #grant = null;
  /** @type {MediaStream|null} */
  #stream = null;
  /** @type {Publisher|null} */
  #publisher = null;
  /** @type {number[]|null} how many rows of pixels each seat is shown with */
  #tiles = null;
  #publishAttempt = 0;
  /** @type {Watcher|null} */
  #watcher = null;
  #watchAttempt = 0;
  #watchEpoch = 0;

  /**
   * @param {object} options
   * @param {string} options.id the room
   * @param {string} options.token the user's token
   * @param {string|URL} [options.base] where Salon is mounted; by default the folder above this module's
   * @param {'vp8'|'h264'} [options.codec] what to publish with
   */
  constructor({ id, token, base, codec = 'vp8' }) {
    super();
    this.id = id;
    this.#base = new URL(base ?? new URL('..', import.meta.url));
    this.#token = token;
    this.#codec = codec;
    this.view = new RoomView();
    /** @type {'connecting'|'online'|'offline'} */
    this.connection = 'connecting';
    /** @type {'idle'|'connecting'|'up'|'refused'} */
    this.publishing = 'idle';
    /** What the server says this person may do, and what it withholds and why. */
    this.capabilities = { can: /** @type {string[]} */ ([]), withheld: /** @type {{capability: string, why: string}[]} */ ([]) };
    /** @type {{frame_bytes?: number, comment_chars?: number}} */
    this.limits = {};
    this.rttMs = /** @type {number|null} */ (null);
    this.clockOffsetMs = 0;
  }

  /** The server's clock, in Unix milliseconds. */
  now() {
    return Date.now() + this.clockOffsetMs;
  }

  /** The receiving streams by seat, or null before there are any. */
  get slots() {
    return this.#watcher?.slots ?? null;
  }

  /** The grant to publish, or null. */
  get grant() {
    return this.#grant;
  }

  /** Opens the connection and keeps it open until `close` or `over`. */
  connect() {
    if (this.#over || this.#socket) return;
    const url = new URL('ws', this.#base);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#timers.set('welcome', WELCOME_MS_MAX, () => this.#drop(socket));
    socket.addEventListener('open', () => this.#send('hello', { versions: VERSIONS, token: this.#token }));
    socket.addEventListener('message', ({ data }) => {
      if (socket === this.#socket) this.#frame(JSON.parse(data));
    });
    socket.addEventListener('close', ({ code }) => {
      if (socket === this.#socket) this.#lost(code);
    });
  }

  /** Leaves for good: says goodbye, ends the media, refuses what is still unanswered. */
  close() {
    if (this.#over) return;
    this.#send('bye');
    this.#finish();
  }

  /** The network may be back: skips the wait before the next attempt. */
  wake() {
    if (this.#over || this.#socket) return;
    this.#timers.clear('reconnect');
    this.connect();
  }

  /**
   * Asks the room for something. Sent again after a reconnect under the same id, which the room applies once.
   * @param {string} t the command's name
   * @param {object} [d] its fields
   * @returns {Promise<{seq?: number}>} rejects with a {@link Refusal}, named `closed` when the room was left meanwhile
   */
  command(t, d) {
    if (this.#over) return Promise.reject(new Refusal({ name: 'closed', class: 'gone' }));
    if (this.#pending.size >= PENDING_MAX) return Promise.reject(new Refusal({ name: 'overloaded', class: 'retry' }));
    // Ids must not repeat over reloads and tabs of one person: microseconds with a random tail stay below 2^53.
    const id = Math.max(this.#lastId + 1, Date.now() * 1000 + Math.floor(Math.random() * 1000));
    this.#lastId = id;
    const body = d === undefined ? { t } : { t, d };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id)?.reject(new Refusal({ name: 'timeout', class: 'retry' })), COMMAND_MS_MAX);
      this.#pending.set(id, { body, resolve, reject, timer });
      if (this.#ready) this.#send('command', { id, body });
    });
  }

  /** Sends hearts; several in quick succession travel together, and none is kept while offline. @param {number} [hearts] */
  react(hearts = 1) {
    this.#hearts = Math.min(HEARTS_MAX, this.#hearts + hearts);
    if (this.#timers.has('hearts')) return;
    this.#timers.set('hearts', HEARTS_MS, () => {
      if (this.#ready) this.#send('react', { hearts: this.#hearts });
      this.#hearts = 0;
    });
  }

  /**
   * Gives the stream to send. It is sent while the room grants it, and offered again by itself when a session is lost.
   * @param {MediaStream} stream
   */
  publish(stream) {
    this.#stream = stream;
    if (this.#publisher) this.#publisher.replace(stream).catch(() => this.#republish());
    else this.#startPublishing();
  }

  /** Tells how many rows of pixels each seat is shown with. @param {number[]} rows by seat */
  tiles(rows) {
    this.#tiles = rows;
    this.#watcher?.tiles(rows);
  }

  /** Stops sending; the grant stays. */
  unpublish() {
    this.#stream = null;
    this.#stopPublishing();
  }

  /** Numbers for engineers and tests. */
  async stats() {
    return {
      slots: this.#watcher ? await this.#watcher.stats() : [],
      publisher: this.#publisher ? await this.#publisher.stats() : null,
      signalRttMs: this.rttMs,
    };
  }

  // The connection.

  /** @param {string} t @param {object} [d] */
  #send(t, d) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(d === undefined ? { t } : { t, d }));
  }

  /** @param {{t: string, d: any}} frame */
  #frame({ t, d }) {
    this.#lastFrameAt = Date.now();
    switch (t) {
      case 'welcome':
        this.#welcome(d);
        break;
      case 'snapshot':
        this.view.applySnapshot(d);
        if (d.stream === 'room') this.#caughtUp(d.epoch);
        this.#change();
        break;
      case 'resumed':
        if (this.view.applyResumed(d) === 'gap') this.#mend(d.stream);
        else if (d.stream === 'room') this.#caughtUp(d.epoch);
        break;
      case 'event':
        this.#event(d);
        break;
      case 'conflated':
        if (!this.view.applyConflated(d)) break;
        if (d.body.t === 'layers') this.#publisher?.layers(d.body.d.wanted);
        this.#change();
        break;
      case 'ephemeral':
        this.#fire('ephemeral', d.body);
        break;
      case 'result':
        this.#result(d);
        break;
      case 'grants':
        this.#grants(d.publish ?? null);
        break;
      case 'capabilities':
        this.capabilities = d;
        this.#change();
        break;
      case 'pong':
        this.rttMs = Date.now() - this.#pingedAt;
        break;
      case 'go_away':
        this.#goAway(d);
        break;
      case 'error':
        this.#error(d);
        break;
      default:
        // A frame of a later version.
        break;
    }
  }

  /** @param {any} d */
  #welcome(d) {
    this.#timers.clear('welcome');
    this.view.me = d.user.user;
    this.view.welcome();
    this.limits = d.limits;
    this.clockOffsetMs = d.server_time_ms - Date.now();
    const every = d.heartbeat_ms;
    this.#pingedAt = Date.now();
    // The first beat is spread out, so that a crowd that reconnected at once does not beat at once.
    this.#timers.set('heartbeat', every * (0.25 + Math.random() / 2), () => this.#beat(every));
    this.#subscribe();
  }

  /** @param {number} every */
  #beat(every) {
    if (Date.now() - this.#lastFrameAt > 2.5 * every && this.#socket) {
      this.#drop(this.#socket);
      return;
    }
    this.#pingedAt = Date.now();
    this.#send('ping', { at_ms: this.#pingedAt });
    const positions = this.view.positions();
    const key = JSON.stringify(positions);
    if (key !== this.#acked) this.#send('ack', { positions });
    this.#acked = key;
    this.#timers.set('heartbeat', every, () => this.#beat(every));
  }

  #subscribe() {
    this.#ready = false;
    this.#send('subscribe', { room: this.id, from: this.view.positions() });
  }

  /** Everything after a hole is unusable until a snapshot comes; one new subscription asks for it. @param {import('./view.js').Stream} stream */
  #mend(stream) {
    this.view.forget(stream);
    if (this.#ready) this.#subscribe();
  }

  /** The room stream is whole again. @param {number} epoch */
  #caughtUp(epoch) {
    this.#attempt = 0;
    this.#ready = true;
    for (const [id, { body }] of this.#pending) this.#send('command', { id, body });
    this.#connection('online');
    // A higher epoch is another owner of the room, and the media sessions lived with the old one.
    if (this.#watcher && epoch > this.#watchEpoch) this.#rewatch();
    this.#watchEpoch = epoch;
    this.#watchIfLive();
  }

  /** @param {any} d */
  #event(d) {
    const outcome = this.view.applyEvent(d);
    if (outcome === 'gap') return this.#mend(d.stream);
    if (outcome === 'stale') return;
    this.#fire('event', { stream: d.stream, at_ms: d.at_ms, body: { t: d.body.t, d: d.body.d ?? {} } });
    if (d.body.t === 'went_live') this.#watchIfLive();
    if (d.body.t === 'room_ended') this.#endMedia();
    this.#change();
  }

  /** @param {any} d */
  #result({ id, outcome }) {
    const pending = this.#settle(id);
    if (!pending) return;
    if (outcome.t === 'ok') pending.resolve(outcome.d ?? {});
    else pending.reject(new Refusal(outcome.d));
  }

  /** @param {number} id */
  #settle(id) {
    const pending = this.#pending.get(id);
    if (!pending) return undefined;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    return pending;
  }

  /** @param {any} d */
  #goAway({ action, after_ms }) {
    if (action === 'leave') return this.#finish('room_ended');
    if (action === 'reauth') return this.#finish('token_expired', true);
    if (action === 'reconnect') this.view.forget();
    this.#timers.set('go_away', after_ms ?? 0, () => this.#socket && this.#drop(this.#socket));
  }

  /** An error of the connection itself; before the first snapshot it answers the subscription. @param {any} d */
  #error(d) {
    const retry = d.class === 'retry' || d.class === 'retry_after';
    if (d.class === 'reauth') return this.#finish(d.name, true);
    if (d.class === 'gone' || (!this.#ready && !retry && d.class !== 'resync')) return this.#finish(d.name);
    if (d.class === 'resync') this.view.forget();
    if (this.#ready && retry) return;
    const ms = d.retry_after_ms ?? (retry ? backoffMs(this.#attempt++) : 0);
    this.#timers.set('subscribe', ms, () => this.#subscribe());
  }

  /** @param {WebSocket} socket */
  #drop(socket) {
    socket.close(4000);
    // A dead network may hold the close event back for a long time.
    if (socket === this.#socket) this.#lost(4000);
  }

  /** @param {number} code */
  #lost(code) {
    this.#socket = null;
    this.#ready = false;
    this.#timers.clear('heartbeat', 'welcome', 'go_away', 'subscribe');
    if (this.#over) return;
    if (this.view.removed) return this.#finish('removed');
    if (code >= 4600 && code <= 4999) return this.#finish(CLOSED[code] ?? 'not_available');
    if (code >= 4400 && code <= 4599) return this.#finish('unauthenticated', true);
    if (code >= 4200 && code <= 4399) this.view.forget();
    this.#connection('offline');
    this.#timers.set('reconnect', backoffMs(this.#attempt), () => this.connect());
    this.#attempt += 1;
  }

  /** @param {string} [name] why, when it was not our wish @param {boolean} [reauth] */
  #finish(name, reauth = false) {
    if (this.#over) return;
    this.#over = true;
    this.#endMedia();
    this.#timers.clear();
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(new Refusal({ name: name ?? 'closed', class: 'gone' }));
    this.#socket?.close(1000);
    this.#socket = null;
    if (name) this.#fire('over', { name, reauth });
  }

  // Media: what is received.

  #watchIfLive() {
    if (this.view.room?.phase === 'live' && !this.#watcher && !this.#timers.has('watch')) this.#watch();
  }

  async #watch() {
    const watcher = new Watcher(new URL(`rooms/${encodeURIComponent(this.id)}/whep`, this.#base), this.#token);
    this.#watcher = watcher;
    if (this.#tiles) watcher.tiles(this.#tiles);
    watcher.addEventListener('up', () => (this.#watchAttempt = 0));
    watcher.addEventListener('down', () => this.#rewatch());
    this.#fire('slots', null);
    try {
      await watcher.start();
    } catch {
      if (watcher === this.#watcher) this.#rewatch();
    }
  }

  /** The session is gone: makes another one, later each time it fails. The last one's streams stay shown until then. */
  #rewatch() {
    this.#watcher?.close();
    this.#watcher = null;
    this.#timers.set('watch', backoffMs(this.#watchAttempt), () => this.#watchIfLive());
    this.#watchAttempt += 1;
  }

  // Media: what is sent.

  /** @param {{seat: number, stint: number|string, fence: number, token: string}|null} grant */
  #grants(grant) {
    const before = this.#grant;
    this.#grant = grant;
    this.#fire('grants', grant);
    this.#change();
    if (!grant) {
      this.#stopPublishing();
    } else if (before && before.stint === grant.stint && before.fence === grant.fence && this.#publisher) {
      // The same stay, told again after a reconnect: the running session is still right.
      this.#publisher.token = grant.token;
    } else {
      this.#stopPublishing();
      this.#startPublishing();
    }
  }

  async #startPublishing() {
    const { id } = this;
    if (!this.#grant || !this.#stream || this.#publisher || this.#over) return;
    const url = new URL(`rooms/${encodeURIComponent(id)}/whip`, this.#base);
    const publisher = new Publisher(url, this.#grant.token, this.#stream, this.#codec);
    this.#publisher = publisher;
    this.#publishingIs('connecting');
    publisher.addEventListener('up', () => {
      this.#publishAttempt = 0;
      this.#publishingIs('up');
    });
    publisher.addEventListener('down', () => this.#republish());
    try {
      await publisher.start();
    } catch (error) {
      if (publisher !== this.#publisher) return;
      // A refused token stays refused; the room sends a fresh grant when there is one.
      const refused = error instanceof MediaRefusal && error.status >= 400 && error.status < 500 && error.status !== 429;
      if (refused) {
        this.#publisher = null;
        this.#publishingIs('refused');
      } else {
        this.#republish();
      }
    }
  }

  #republish() {
    this.#publisher?.close();
    this.#publisher = null;
    this.#publishingIs('connecting');
    this.#timers.set('publish', backoffMs(this.#publishAttempt), () => this.#startPublishing());
    this.#publishAttempt += 1;
  }

  #stopPublishing() {
    this.#timers.clear('publish');
    this.#publisher?.close();
    this.#publisher = null;
    this.#publishingIs('idle');
  }

  #endMedia() {
    this.#timers.clear('watch');
    this.#stopPublishing();
    this.#watcher?.close();
    this.#watcher = null;
  }

  // Telling the page.

  /** @param {'idle'|'connecting'|'up'|'refused'} state */
  #publishingIs(state) {
    if (this.publishing === state) return;
    this.publishing = state;
    this.#fire('publishing', state);
  }

  /** @param {'connecting'|'online'|'offline'} state */
  #connection(state) {
    if (this.connection === state) return;
    this.connection = state;
    this.#fire('connection', state);
  }

  #change() {
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      this.#fire('change', null);
    });
  }

  /** @param {string} type @param {any} detail */
  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** What the final close codes mean. @type {Record<number, string>} */
const CLOSED = { 4600: 'removed', 4601: 'room_ended', 4602: 'replaced', 4603: 'not_available', 4604: 'unsupported_version' };

/** Named timers: setting one replaces it, so none is ever armed twice. */
class Timers {
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #armed = new Map();

  /** @param {string} name @param {number} ms @param {() => void} run */
  set(name, ms, run) {
    this.clear(name);
    const timer = setTimeout(() => {
      this.#armed.delete(name);
      run();
    }, ms);
    this.#armed.set(name, timer);
  }

  /** @param {string} name */
  has(name) {
    return this.#armed.has(name);
  }

  /** @param {...string} names all of them when none is named */
  clear(...names) {
    for (const name of names.length > 0 ? names : [...this.#armed.keys()]) {
      clearTimeout(this.#armed.get(name));
      this.#armed.delete(name);
    }
  }
}
