// @ts-check
/** `<salon-room room="...">`: a live, for its host, its guests and everyone who watches. */

import { base } from './api.js';
import { openBadges } from './badge.js';
import { attempt, avatar, closeSheets, confirm, h, iconButton, keyed, notice, relabel, refuse, say, sheet, warn } from './dom.js';
import { Feed } from './feed.js';
import { guestSheet } from './guests.js';
import { Hearts } from './hearts.js';
import { icon } from './icons.js';
import { Joining, openDevices } from './join.js';
import { local } from './local.js';
import { SLOTS } from './media.js';
import { roster } from './people.js';
import { switches } from './preview.js';
import { Room } from './salon.js';
import { need } from './session.js';
import { TileSizes } from './sizes.js';
import { StatsText } from './stats.js';
import { clock, number, t } from './strings.js';
import './tile.js';

const parameters = new URLSearchParams(location.search);

/** A short break is not worth a word. */
const RECONNECTING_MS = 1_000;

/** Two taps within this time and distance are a heart. */
const DOUBLE_TAP_MS = 300;
const DOUBLE_TAP_PX = 40;

/** Louder than this counts as speaking, in dB below full scale. */
const SPEAKING_DB = -50;

/**
 * Fires `leave` when the person wants to go, `ended` with `{room, me, reason}` when the live is over, and `over` with
 * `{name, reauth}` when the server will not have this person back. Attributes: `room`, and `token` with `name` and
 * `user` for a page that signs people in by itself.
 */
export class SalonRoom extends HTMLElement {
  /** What to do once the room answers: set by the camera screen. @type {{invites: string[]}|null} */
  intent = null;
  /** @type {Room|null} */
  room = null;
  /** @type {import('./session.js').Identity|null} */
  #me = null;
  /** @type {(() => void)[]} what to undo when the element goes */
  #undo = [];
  /** @type {TileSizes|null} */
  #sizes = null;
  #gone = false;
  #ended = false;
  #toldMedia = '';
  #guestSheet = /** @type {HTMLDialogElement|null} */ (null);
  #parts = /** @type {any} */ ({});
  #statsText = new StatsText();
  /** @type {Map<string, string>} the names of those who sat or were invited, for when they are gone */
  #names = new Map();

  async connectedCallback() {
    this.#gone = false;
    const token = this.getAttribute('token');
    const given = token ? { token, user: this.getAttribute('user') ?? '', name: this.getAttribute('name') ?? '', expires_ms: Infinity } : null;
    this.#me = given ?? (await need());
    if (this.#gone) return;
    if (!this.#me) return this.#tell('leave', null);
    this.#build(this.#me);
    this.#connect(this.#me);
  }

  disconnectedCallback() {
    this.#gone = true;
    for (const undo of this.#undo.splice(0)) undo();
    this.room?.close();
    local.close();
    closeSheets();
  }

  // Building the screen, once.

  /** @param {import('./session.js').Identity} me */
  #build(me) {
    const feed = new Feed(me.user);
    const hearts = new Hearts();
    const controls = switches();
    const button = iconButton;
    const parts = {
      feed,
      hearts,
      stage: h('div', { class: 'stage', role: 'group', 'aria-label': t('live.stage') }),
      who: h('div', { class: 'who' }),
      mark: h('span', { class: 'live-mark', testid: 'live-mark' }, t('live.mark')),
      time: h('span', { class: 'live-time', role: 'timer', testid: 'live-time' }),
      viewers: h('button', { type: 'button', class: 'viewers', testid: 'viewer-count', onclick: () => this.#people() }, icon('eye'), h('span', {}, '0')),
      end: h('button', { type: 'button', class: 'end', testid: 'end-live', 'aria-label': t('live.end_label'), onclick: () => this.#end() }, t('live.end')),
      close: button({ icon: 'close', label: t('live.close'), class: 'glass', testid: 'close-live', onclick: () => this.#close() }),
      status: h('div', { class: 'status', role: 'status' }),
      unmute: h('button', { type: 'button', class: 'unmute', testid: 'unmute', hidden: true, onclick: () => this.#listen() }, icon('sound_off'), t('live.unmute')),
      cover: h('div', { class: 'cover' }),
      rail: h('div', { class: 'rail' }, controls.element),
      leave: button({ icon: 'leave', label: t('live.leave_seat'), testid: 'leave-seat', onclick: (event) => attempt(/** @type {any} */ (event.currentTarget), () => this.#ask('leave_seat')) }),
      comment: h('input', { type: 'text', testid: 'comment-input', maxlength: '300', placeholder: t('live.comment_placeholder'), 'aria-label': t('live.comment_label'), autocomplete: 'off', enterkeyhint: 'send' }),
      send: button({ icon: 'send', label: t('live.comment_send'), class: 'send', testid: 'comment-send', onclick: () => this.#comment() }),
      rooms: button({ icon: 'rooms', label: t('live.rooms'), testid: 'rooms-button', onclick: () => this.#guests() }),
      count: h('span', { class: 'count', testid: 'request-count', 'aria-hidden': 'true' }),
      join: button({ icon: 'person_add', label: t('live.rooms'), testid: 'join-request', onclick: () => this.#requestSeat() }),
      badge: button({ icon: 'badge', label: t('live.badge'), testid: 'badge-button', onclick: () => this.room && openBadges(this.room) }),
      heart: button({ icon: 'heart', label: t('live.heart'), class: 'heart-button', testid: 'heart', onclick: () => this.#heart() }),
      heartsTotal: h('span', { class: 'hearts-total', testid: 'hearts-total', role: 'img' }),
      people: h('div', { class: 'panel-people' }),
    };
    parts.rail.append(parts.leave);
    parts.rooms.append(parts.count);
    parts.send.type = 'submit';
    const dock = h('form', { class: 'dock' }, h('div', { class: 'comment-field' }, parts.comment, parts.send), parts.join, parts.rooms, parts.badge, h('span', { class: 'heart-box' }, parts.heart, parts.heartsTotal));
    dock.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#comment();
    });
    const area = h(
      'div',
      { class: 'stage-area' },
      h('div', { class: 'stage-frame' }, parts.stage, hearts.element, h('span', { class: 'scrim-top' }), h('span', { class: 'scrim-bottom' })),
      parts.cover,
      h('header', { class: 'top' }, parts.who, h('div', { class: 'marks' }, parts.mark, parts.viewers, parts.end, parts.close)),
      h('div', { class: 'middle' }, parts.status, parts.unmute),
      parts.rail,
    );
    this.classList.add('room');
    this.replaceChildren(area, h('aside', { class: 'panel', 'aria-label': t('live.people') }, parts.people, feed.element, dock));
    this.#parts = parts;
    // Who may do what is known with the first snapshot; until then nothing is offered that could move away.
    for (const part of [parts.mark, parts.end, parts.rail, parts.leave, parts.join, parts.rooms, parts.badge, parts.count, parts.heartsTotal]) {
      part.hidden = true;
    }
    this.#watchTaps(parts.stage);
    this.#cover(h('span', { class: 'spinner' }), h('p', {}, t('live.connecting')));
    const sizes = new TileSizes(SLOTS, (rows) => this.room?.tiles(rows));
    this.#sizes = sizes;
    this.#undo.push(() => feed.stop(), () => controls.stop(), () => sizes.close());
  }

  // The room and what it says.

  /** @param {import('./session.js').Identity} me */
  #connect(me) {
    const codec = parameters.get('codec') === 'h264' ? 'h264' : 'vp8';
    const room = new Room({ id: this.getAttribute('room') ?? '', token: me.token, base, codec });
    const joining = new Joining(room, me);
    this.room = room;
    this.#parts.joining = joining;
    this.#undo.push(() => joining.stop());

    room.addEventListener('change', () => this.#draw());
    room.addEventListener('slots', () => this.#draw());
    room.addEventListener('event', (event) => this.#event(/** @type {CustomEvent} */ (event).detail));
    room.addEventListener('ephemeral', (event) => this.#ephemeral(/** @type {CustomEvent} */ (event).detail));
    room.addEventListener('grants', (event) => this.#granted(/** @type {CustomEvent} */ (event).detail));
    room.addEventListener('publishing', () => this.#status());
    room.addEventListener('over', (event) => this.#over(/** @type {CustomEvent} */ (event).detail));
    let offline = 0;
    room.addEventListener('connection', () => {
      clearTimeout(offline);
      if (room.connection === 'offline') offline = window.setTimeout(() => this.#status(), RECONNECTING_MS);
      else this.#status();
      this.toggleAttribute('data-offline', room.connection === 'offline');
    });

    const changed = () => this.#localChanged();
    local.addEventListener('change', changed);
    const wake = () => document.visibilityState === 'visible' && room.wake();
    addEventListener('online', wake);
    document.addEventListener('visibilitychange', wake);
    const second = setInterval(() => this.#second(), 1000);
    this.#undo.push(() => {
      local.removeEventListener('change', changed);
      removeEventListener('online', wake);
      document.removeEventListener('visibilitychange', wake);
      clearInterval(second);
      clearTimeout(offline);
    });
    room.connect();
  }

  /**
   * Sends a command whose refusal the caller shows.
   * @param {string} name @param {object} [fields]
   */
  #ask(name, fields) {
    return this.room?.command(name, fields) ?? Promise.resolve({});
  }

  /** @param {{stream: string, body: {t: string, d: any}}} event */
  #event({ stream, body }) {
    const { t: name, d } = body;
    const { feed, joining, hearts } = this.#parts;
    const view = /** @type {Room} */ (this.room).view;
    if (view.room) feed.sync(view.room.comments);
    if (stream === 'user') joining.event(body);
    switch (name) {
      case 'seat_taken':
        if (d.seat !== 0 && d.person.user !== view.me) feed.note(t('event.joined', { name: d.person.name }), { icon: 'people' });
        break;
      case 'seat_released':
        if (d.user && d.user !== view.me && d.seat !== 0 && ['left', 'removed', 'link_lost'].includes(d.reason)) {
          feed.note(t(d.reason === 'removed' ? 'event.removed' : 'event.left', { name: this.#nameOf(d.user) }), { icon: 'people' });
        }
        break;
      case 'badge_awarded': {
        feed.note(t('event.badge', { from: d.from.name, to: d.to.name, count: d.hearts }), { icon: 'heart_full', warm: true });
        hearts.burst(d.hearts * 2, { special: true });
        break;
      }
      case 'seat_requested':
        // Guests see the stage too, but only the host can answer.
        if (view.role() !== 'host') break;
        feed.note(t('event.requested', { name: d.person.name }), { icon: 'person_add', action: { label: t('event.view'), onclick: () => this.#guests() } });
        break;
      case 'invite_resolved':
        if (d.outcome === 'declined') feed.note(t('event.declined_invite', { name: this.#nameOf(d.user) }), { icon: 'people' });
        if (d.outcome === 'expired') feed.note(t('event.expired_invite', { name: this.#nameOf(d.user) }), { icon: 'people' });
        break;
      case 'request_policy_changed':
        feed.note(t(d.policy === 'closed' ? 'event.requests_closed' : 'event.requests_open'), { icon: 'person_add' });
        break;
      default:
        break;
    }
  }

  /** @param {string} user */
  #nameOf(user) {
    return this.#names.get(user) ?? this.room?.view.person(user).name ?? user;
  }

  /** @param {{t: string, d: any}} body */
  #ephemeral({ t: name, d }) {
    if (name !== 'heart_burst') return;
    if (d.user !== this.#me?.user) this.#parts.hearts.burst(d.hearts, { special: d.special > 0 });
  }

  /** @param {object|null} grant */
  async #granted(grant) {
    if (!grant) {
      this.#toldMedia = '';
      // The seat is gone, and with it the reason to hold the devices. A host who prepares holds them without a grant.
      if (this.room?.view.role() === 'viewer' && !this.room.view.user?.offer) local.close();
      return;
    }
    await openDevices();
    if (this.#gone || !this.room?.grant) return;
    if (!local.ready) return warn(t('live.no_media'), 'no_media');
    this.room.publish(local.stream);
    this.#localChanged();
  }

  /** @param {{name: string, reauth: boolean}} why */
  #over(why) {
    if (why.name === 'room_ended') this.#finish();
    else this.#tell('over', why);
  }

  #finish() {
    if (this.#ended) return;
    this.#ended = true;
    const view = this.room?.view;
    this.#tell('ended', { room: this.getAttribute('room'), me: this.#me, reason: view?.room?.ended_reason ?? undefined });
  }

  /** Tells the room when microphone or camera were switched here. */
  #localChanged() {
    const { room } = this;
    if (!room?.grant) return this.#draw();
    if (local.ready) room.publish(local.stream);
    const mine = room.view.occupied().find(({ d }) => d.person.user === room.view.me)?.d.media;
    const media = local.media;
    const told = JSON.stringify(media);
    if (local.ready && mine && (mine.mic !== media.mic || mine.cam !== media.cam) && told !== this.#toldMedia) {
      this.#toldMedia = told;
      room.command('set_self_media', media).catch(refuse);
    }
    if (mine && mine.mic === media.mic && mine.cam === media.cam) this.#toldMedia = '';
    this.#draw();
  }

  // Drawing.

  #draw() {
    const room = this.room;
    const state = room?.view.room;
    if (!room || !state || this.#gone) return;
    if (state.phase === 'ended') return this.#finish();
    const view = room.view;
    const role = view.role();
    const parts = this.#parts;
    this.dataset.role = role;
    this.dataset.phase = state.phase;
    for (const { d } of view.occupied()) this.#names.set(d.person.user, d.person.name);
    for (const { person } of view.stage?.offers ?? []) this.#names.set(person.user, person.name);
    this.#tiles(room);
    this.#topBar(state);
    parts.feed.sync(state.comments);

    parts.end.hidden = role !== 'host';
    parts.close.hidden = role === 'host' && state.phase === 'live';
    parts.rail.hidden = role === 'viewer';
    parts.leave.hidden = role !== 'guest';
    parts.rooms.hidden = role !== 'host';
    const withheld = room.capabilities.withheld.map(({ capability }) => capability);
    parts.badge.hidden = role === 'host' || state.catalogue.length === 0 || withheld.includes('badge.buy');
    const waiting = view.stage?.requests.length ?? 0;
    parts.count.hidden = waiting === 0;
    say(parts.count, String(waiting));
    parts.rooms.setAttribute('aria-label', waiting ? t('live.rooms_count', { count: waiting }) : t('live.rooms'));

    const requested = Boolean(view.user?.request);
    parts.join.hidden = role !== 'viewer' || (state.requests === 'closed' && !requested) || Boolean(view.user?.offer);
    parts.join.dataset.state = requested ? 'pending' : 'idle';
    relabel(parts.join, requested ? 'check' : 'person_add', t(requested ? 'join.withdraw' : 'join.request'));

    parts.heartsTotal.hidden = state.hearts_total === 0;
    parts.heartsTotal.setAttribute('aria-label', t('live.hearts', { count: state.hearts_total }));
    parts.heartsTotal.dataset.total = String(state.hearts_total);
    say(parts.heartsTotal, number(state.hearts_total));
    roster(parts.people, view);
    parts.joining.draw();
    this.#draftOrLive(state, role);
    this.#status();
    const mine = view.occupied().find(({ d }) => d.person.user === view.me)?.d.media;
    if (mine && room.grant && local.ready && (mine.mic !== local.media.mic || mine.cam !== local.media.cam) && !this.#toldMedia) this.#localChanged();
  }

  /** @param {Room} room */
  #tiles(room) {
    const view = room.view;
    const seats = view.occupied();
    const { stage } = this.#parts;
    stage.dataset.count = String(seats.length);
    keyed(
      stage,
      seats,
      ({ seat }) => String(seat),
      () => {
        const tile = document.createElement('salon-tile');
        this.#sizes?.watch(tile);
        return tile;
      },
      (tile, { seat, d }) => {
        const self = d.person.user === view.me;
        tile.dataset.place = String(seats.findIndex((each) => each.seat === seat));
        tile.show({
          seat,
          stint: String(d.stint),
          person: d.person,
          self,
          host: seat === 0,
          media: self && local.ready ? local.media : d.media,
          speaking: (view.speaking.get(seat) ?? -Infinity) > SPEAKING_DB,
          lost: (d.lost_until_ms ?? null) !== null,
          hearts: d.total.hearts,
        });
        const slot = room.slots?.[seat];
        if (self) tile.play({ video: local.stream, audio: null, mirrored: local.mirrored });
        else if (slot) {
          tile.play({ video: slot.video, audio: slot.audio });
          this.#listenTo(tile);
        }
      },
    );
  }

  /** @param {import('./view.js').RoomState} state */
  #topBar(state) {
    const { who, viewers, mark } = this.#parts;
    if (who.dataset.user !== state.host.user || who.dataset.title !== state.title) {
      Object.assign(who.dataset, { user: state.host.user, title: state.title });
      who.replaceChildren(avatar(state.host), h('div', {}, h('h1', {}, state.title), h('p', {}, h('span', { class: 'host-name' }, state.host.name), this.#parts.time)));
    }
    const { users } = state.audience;
    say(viewers.lastElementChild, number(users));
    viewers.dataset.count = String(users);
    viewers.setAttribute('aria-label', `${t('live.viewers_count', { count: users })}. ${t('live.viewers')}`);
    mark.hidden = state.phase !== 'live';
    this.#time();
  }

  #time() {
    const since = this.room?.view.room?.live_since_ms;
    if (!since || !this.room) return;
    const time = clock(this.room.now() - since);
    say(this.#parts.time, time);
    this.#parts.time.setAttribute('aria-label', t('live.duration', { time }));
  }

  /** One quiet line over the stage: the most important of what is not as it should be. */
  #status() {
    const { room } = this;
    if (!room) return;
    const state = room.view.room;
    const hostLost = room.view.occupied().find(({ seat }) => seat === 0)?.d.lost_until_ms ?? null;
    let [kind, text] = ['', ''];
    if (room.connection === 'offline') [kind, text] = ['offline', t('live.reconnecting')];
    else if (room.view.role() !== 'host' && state && hostLost !== null) {
      [kind, text] = ['host-away', t('live.host_away', { host: state.host.name, seconds: Math.max(0, Math.ceil((hostLost - room.now()) / 1000)) })];
    } else if (room.publishing === 'refused') [kind, text] = ['refused', t('live.publish_refused')];
    else if (room.publishing === 'connecting') [kind, text] = ['publishing', t('live.publishing')];
    else if (room.view.user?.request) [kind, text] = ['requested', t('join.requested')];
    const { status } = this.#parts;
    status.dataset.kind = kind;
    say(status, text);
  }

  /** @param {import('./view.js').RoomState} state @param {string} role */
  #draftOrLive(state, role) {
    const { cover } = this.#parts;
    if (state.phase === 'live') {
      cover.hidden = true;
      return;
    }
    if (role !== 'host') return this.#cover(h('span', { class: 'spinner' }), h('p', {}, t('live.not_started')));
    const { intent } = this;
    if (intent) {
      this.intent = null;
      this.#cover(h('span', { class: 'spinner' }), h('p', {}, t('camera.starting')));
      this.#goLive(intent.invites);
    } else if (!cover.querySelector('[data-testid="start-live"], .spinner')) {
      this.#offerStart();
    }
  }

  #offerStart() {
    const title = this.room?.view.room?.title ?? '';
    const start = h('button', { type: 'button', class: 'primary', testid: 'start-live', onclick: () => this.#goLive([]) }, t('camera.start'));
    this.#cover(h('h2', {}, t('live.draft_title')), h('p', {}, t('live.draft_lead', { title })), start);
  }

  /** @param {string[]} invites */
  async #goLive(invites) {
    await openDevices();
    if (!(await attempt(null, () => this.#ask('go_live')))) return this.#offerStart();
    if (invites.length > 0) await attempt(null, () => this.#ask('invite_guests', { users: invites, mode: 'best_effort' }));
  }

  /** @param {...HTMLElement} children */
  #cover(...children) {
    const { cover } = this.#parts;
    cover.hidden = false;
    const key = children.map((child) => child.textContent).join('|');
    if (cover.dataset.text === key) return;
    cover.dataset.text = key;
    cover.replaceChildren(...children);
  }

  async #second() {
    this.#time();
    this.#status();
    this.#parts.joining?.draw();
    if (!parameters.has('stats') || !this.room) return;
    const texts = this.#statsText.read(await this.room.stats(), this.room.view.seatOf(this.#me?.user ?? ''));
    for (const tile of this.#parts.stage.children) tile.stats(texts.get(Number(tile.dataset.seat)) ?? '');
  }

  // Sound.

  /** @param {any} tile */
  async #listenTo(tile) {
    if (!(await tile.listen())) this.#parts.unmute.hidden = false;
  }

  async #listen() {
    const heard = await Promise.all([...this.#parts.stage.children].map((tile) => tile.listen()));
    this.#parts.unmute.hidden = heard.every(Boolean);
  }

  // What the person does.

  /** @param {HTMLElement} stage */
  #watchTaps(stage) {
    let last = { at: 0, x: 0, y: 0 };
    stage.addEventListener('pointerup', (event) => {
      if (!this.#parts.unmute.hidden) this.#listen();
      const near = Math.hypot(event.clientX - last.x, event.clientY - last.y) < DOUBLE_TAP_PX;
      if (event.timeStamp - last.at < DOUBLE_TAP_MS && near) {
        const box = stage.getBoundingClientRect();
        this.#heart({ x: event.clientX - box.left, y: event.clientY - box.top });
        last = { at: 0, x: 0, y: 0 };
      } else {
        last = { at: event.timeStamp, x: event.clientX, y: event.clientY };
      }
    });
  }

  /** @param {{x: number, y: number}} [at] */
  #heart(at) {
    this.room?.react(1);
    this.#parts.hearts.burst(1, { ...at, special: (this.room?.view.badgeHearts(this.#me?.user ?? '') ?? 0) > 0 });
  }

  async #comment() {
    const { comment, feed } = this.#parts;
    const text = comment.value.trim();
    const { room } = this;
    if (!text || !room || !this.#me) return;
    comment.value = '';
    const takeBack = feed.pending(this.#me, text, room.view.badgeHearts(this.#me.user));
    try {
      await room.command('post_comment', { text });
    } catch (error) {
      takeBack();
      if (!comment.value) comment.value = text;
      refuse(error);
    }
  }

  #requestSeat() {
    const { join, joining } = this.#parts;
    if (this.room?.view.user?.request) attempt(join, () => this.#ask('withdraw_request'));
    else attempt(join, () => this.#ask('request_seat', { note: '' })).then((done) => done && joining.requested());
  }

  #guests() {
    if (!this.room || !this.#me || this.#guestSheet?.open) return;
    this.#guestSheet = guestSheet(this.room, this.#me).dialog;
  }

  #end() {
    confirm({
      title: t('live.end_title'), lead: t('live.end_lead'), yes: t('live.end_confirm'), no: t('live.end_keep'), testid: 'end-confirm',
      onyes: () => attempt(null, () => this.#ask('end_room')),
    });
  }

  #close() {
    if (this.room?.view.role() !== 'guest') return this.#tell('leave', null);
    confirm({
      title: t('live.leave_title'), lead: t('live.leave_lead'), yes: t('live.leave_confirm'), no: t('live.leave_keep'), testid: 'leave-confirm',
      onyes: async () => {
        await attempt(null, () => this.#ask('leave_seat'));
        this.#tell('leave', null);
      },
    });
  }

  #people() {
    const body = h('div', { class: 'people-list' });
    const draw = () => this.room && roster(body, this.room.view, true);
    draw();
    this.room?.addEventListener('change', draw);
    const share = h('button', { type: 'button', class: 'plain wide', testid: 'share', onclick: () => this.#share() }, icon('share'), t('live.share'));
    sheet({ title: t('live.people'), testid: 'people-sheet', onclose: () => this.room?.removeEventListener('change', draw) }, body, share);
  }

  async #share() {
    const url = location.href.replace(location.search, '');
    try {
      if (navigator.share) await navigator.share({ title: this.room?.view.room?.title, url });
      else {
        await navigator.clipboard.writeText(url);
        notice(t('live.shared'));
      }
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'AbortError') refuse(error);
    }
  }

  /** @param {string} type @param {any} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

customElements.define('salon-room', SalonRoom);
