// @ts-check
/**
 * The client's picture of a room: snapshot plus tail, folded by one pure reducer, the twin of `salon_signal::RoomView`.
 *
 * The reducer knows no socket and no screen, so that the same vectors can hold the twins together.
 * Each durable stream is contiguous within an epoch; whatever breaks that is answered with `'gap'`, and the caller
 * subscribes again without a position for that stream.
 */

/**
 * @typedef {{user: string, name: string}} Person
 * @typedef {{mic: boolean, cam: boolean}} SelfMedia
 * @typedef {{minor: number, currency: string, exponent: number}} Price
 * @typedef {{sku: string, hearts: number, price: Price}} CatalogueItem
 * @typedef {{comment: string, person: Person, text: string, hearts: number, at_ms: number}} Comment
 * @typedef {{person: Person, hearts: number, minor: number, currency: string, exponent: number}} Total
 * @typedef {{person: Person, stint: number|string, media: SelfMedia, lost_until_ms?: number, total: {hearts: number, minor: number}}} Occupied
 * @typedef {{seat: number, state: {t: 'empty'|'reserved'|'occupied', d?: Occupied}}} Seat
 * @typedef {{
 *   room: string, title: string, phase: 'draft'|'live'|'ended', ended_reason?: string, host: Person,
 *   live_since_ms?: number, server_time_ms: number, requests: 'open'|'closed', seats: Seat[], comments: Comment[],
 *   catalogue: CatalogueItem[], totals: Total[], supporters: {person: Person, hearts: number}[],
 *   audience: {users: number, sessions: number, peak: number}, hearts_total: number,
 * }} RoomState
 * @typedef {{
 *   requests: {request: string, person: Person, note: string, at_ms: number}[],
 *   offers: {offer: string, seat: number, person: Person, step: 'offered'|'preparing', until_ms: number}[],
 * }} StageState
 * @typedef {{purchase: string, recipient: string, sku: string, price: Price, state: string}} Purchase
 * @typedef {{
 *   user: string, role: 'host'|'guest'|'viewer',
 *   offer: null|{offer: string, seat?: number, by?: Person, step: 'offered'|'preparing', until_ms: number},
 *   request: null|{request: string}, cooldown_until_ms?: number, purchases: Purchase[],
 * }} UserState
 * @typedef {'room'|'stage'|'user'} Stream
 * @typedef {{stream: Stream, epoch: number, seq: number}} Position
 * @typedef {{t: string, d?: any}} Body
 */

/** Comments kept; the server's snapshot holds the last 50, the tail adds to them. */
const COMMENTS_MAX = 200;

/** Purchases kept for the person who bought them: as many as a snapshot holds. */
const PURCHASES_MAX = 50;

/** The seat an event is about; the host's presence is told without naming it. @param {string} t @param {any} d */
const seatMeant = (t, d) => (t === 'host_absent' || t === 'host_returned' ? 0 : d.seat);

/** Events about a seat, and those among them that need somebody in it. */
const OF_SEAT = ['seat_reserved', 'seat_taken', 'seat_released'];
const OF_SEATED = ['host_absent', 'host_returned', 'link_lost', 'link_restored', 'media_changed'];

/** Whether an event cannot happen in the state held. @param {RoomState} room @param {string} t @param {any} d */
function contradicts(room, t, d) {
  const seat = room.seats.find((candidate) => candidate.seat === seatMeant(t, d));
  if (OF_SEATED.includes(t)) return seat?.state.t !== 'occupied';
  return OF_SEAT.includes(t) && !seat;
}

/** The reducer and its state. */
export class RoomView {
  /** @param {string} me the user whose view this is */
  constructor(me = '') {
    this.me = me;
    /** @type {RoomState|null} */
    this.room = null;
    /** @type {StageState|null} */
    this.stage = null;
    /** @type {UserState|null} */
    this.user = null;
    /** Whether this person was removed from the live. */
    this.removed = false;
    /** @type {Map<Stream, Position>} */
    this.at = new Map();
    /** @type {Map<string, number>} the newest version seen of each conflated value */
    this.versions = new Map();
    /** @type {Map<number, number>} seat to audio level in dB, for those who speak now */
    this.speaking = new Map();
    /** @type {number[]|null} which encodings of this person's picture anybody watches, if that was said */
    this.layers = null;
  }

  /** The positions to resume from. @returns {Position[]} */
  positions() {
    return [...this.at.values()];
  }

  /** Forgets where a stream was, or all of them, so that the next subscription starts from a snapshot. @param {Stream} [stream] */
  forget(stream) {
    if (stream) this.at.delete(stream);
    else this.at.clear();
  }

  /** Another connection, perhaps another server: versions count anew. */
  welcome() {
    this.versions.clear();
  }

  /** @param {{stream: Stream, epoch: number, seq: number, state: any}} frame */
  applySnapshot({ stream, epoch, seq, state }) {
    this.at.set(stream, { stream, epoch, seq });
    if (stream === 'room') {
      this.room = state;
      this.versions.clear();
      this.speaking.clear();
    } else if (stream === 'stage') {
      this.stage = state;
    } else if (stream === 'user') {
      this.user = state;
      this.me = state.user;
    }
    this.#refreshRole();
  }

  /** @param {{stream: Stream, epoch: number, from: number}} frame @returns {'passed'|'gap'} */
  applyResumed({ stream, epoch, from }) {
    const at = this.at.get(stream);
    return at && at.epoch === epoch && at.seq >= from ? 'passed' : 'gap';
  }

  /**
   * @param {{stream: Stream, epoch: number, seq: number, at_ms: number, body: Body}} frame
   * @returns {'applied'|'stale'|'gap'} a stale event was seen before; a gap changes nothing and needs a new subscription
   */
  applyEvent({ stream, epoch, seq, at_ms, body }) {
    const at = this.at.get(stream);
    if (!at || epoch > at.epoch) return 'gap';
    if (epoch < at.epoch || seq <= at.seq) return 'stale';
    if (seq !== at.seq + 1) return 'gap';
    const d = body.d ?? {};
    if (stream === 'room' && this.room) {
      if (contradicts(this.room, body.t, d)) return 'gap';
      this.#room(this.room, body.t, d, at_ms);
      this.#refreshRole();
    }
    if (stream === 'stage' && this.stage) this.#stage(this.stage, body.t, d);
    if (stream === 'user' && this.user) this.#user(this.user, body.t, d);
    this.at.set(stream, { stream, epoch, seq });
    return 'applied';
  }

  /**
   * @param {{version: number, body: Body}} frame
   * @returns {boolean} whether it was news; conflated values never run backwards
   */
  applyConflated({ version, body }) {
    const seen = this.versions.get(body.t);
    if (seen !== undefined && version <= seen) return false;
    if (body.t === 'speaking') this.speaking = new Map(body.d.seats.map((/** @type {any} */ s) => [s.seat, s.level_db]));
    else if (body.t === 'layers') this.layers = body.d.wanted;
    else if (body.t === 'audience' && this.room) this.room.audience = body.d;
    else if (body.t === 'hearts' && this.room) this.room.hearts_total = body.d.total;
    else return false;
    this.versions.set(body.t, version);
    return true;
  }

  /** What this person is in the room. @returns {'host'|'guest'|'viewer'} */
  role() {
    if (this.room?.host.user === this.me) return 'host';
    return this.seatOf(this.me) === null ? 'viewer' : 'guest';
  }

  /** The seats with somebody in them, host first. @returns {{seat: number, d: Occupied}[]} */
  occupied() {
    const seats = this.room?.seats ?? [];
    return seats.flatMap(({ seat, state }) => (state.t === 'occupied' && state.d ? [{ seat, d: state.d }] : []));
  }

  /** @param {string} user @returns {number|null} the seat this person holds */
  seatOf(user) {
    return this.occupied().find(({ d }) => d.person.user === user)?.seat ?? null;
  }

  /** How many seats nobody holds and nobody is promised. */
  seatsFree() {
    return (this.room?.seats ?? []).filter(({ state }) => state.t === 'empty').length;
  }

  /**
   * Finds a person by id among those the view knows by name.
   * @param {string|Person} user
   * @returns {Person}
   */
  person(user) {
    if (typeof user !== 'string') return user;
    const { room, stage } = this;
    const known = [
      room?.host,
      ...this.occupied().map(({ d }) => d.person),
      ...(room?.totals ?? []).map((entry) => entry.person),
      ...(room?.supporters ?? []).map((entry) => entry.person),
      ...(stage?.requests ?? []).map((entry) => entry.person),
      ...(stage?.offers ?? []).map((entry) => entry.person),
      ...(room?.comments ?? []).map((entry) => entry.person),
    ];
    return known.find((person) => person?.user === user) ?? { user, name: user };
  }

  /** The hearts this person gave in this live. @param {string} user */
  badgeHearts(user) {
    return this.room?.supporters.find(({ person }) => person.user === user)?.hearts ?? 0;
  }

  /** A person is what the seats say they are. */
  #refreshRole() {
    if (this.room && this.user) this.user.role = this.role();
  }

  /** @param {RoomState} room @param {string} t @param {any} d @param {number} at_ms */
  #room(room, t, d, at_ms) {
    const seat = room.seats.find((candidate) => candidate.seat === seatMeant(t, d));
    const stay = seat?.state.t === 'occupied' ? seat.state.d : undefined;
    switch (t) {
      case 'went_live':
        room.phase = 'live';
        room.live_since_ms = at_ms;
        break;
      case 'room_ended':
        room.phase = 'ended';
        room.ended_reason = d.reason;
        for (const each of room.seats) each.state = { t: 'empty' };
        this.speaking.clear();
        if (this.stage) this.stage = { requests: [], offers: [] };
        if (this.user) Object.assign(this.user, { offer: null, request: null });
        break;
      case 'seat_reserved':
        if (seat) seat.state = { t: 'reserved' };
        break;
      case 'seat_taken': {
        if (!seat) break;
        const { hearts, minor } = room.totals.find(({ person }) => person.user === d.person.user) ?? { hearts: 0, minor: 0 };
        seat.state = { t: 'occupied', d: { person: d.person, stint: d.stint, media: d.media, total: { hearts, minor } } };
        this.#taken(d.person.user);
        break;
      }
      case 'seat_released':
        if (seat) seat.state = { t: 'empty' };
        this.speaking.delete(d.seat);
        this.#released(d.seat);
        break;
      case 'host_absent':
      case 'link_lost':
        if (stay) stay.lost_until_ms = d.until_ms;
        break;
      case 'host_returned':
      case 'link_restored':
        if (stay) delete stay.lost_until_ms;
        break;
      case 'media_changed':
        if (stay) stay.media = d.media;
        break;
      case 'comment_posted':
        room.comments.push({ comment: d.comment, person: d.person, text: d.text, hearts: d.hearts, at_ms });
        room.comments.splice(0, Math.max(0, room.comments.length - COMMENTS_MAX));
        break;
      case 'badge_awarded':
        this.#award(room, d);
        break;
      case 'request_policy_changed':
        room.requests = d.policy;
        break;
      default:
        // An event of a later version: its sequence number counts, its meaning is not ours.
        break;
    }
  }

  /** @param {RoomState} room @param {any} d */
  #award(room, d) {
    const { to, from } = d;
    const { hearts, minor } = d.recipient_total;
    const total = room.totals.find(({ person }) => person.user === to.user);
    if (total) Object.assign(total, { hearts, minor });
    else room.totals.push({ person: to, hearts, minor, currency: d.price.currency, exponent: d.price.exponent });
    for (const { d: stay } of this.occupied()) {
      if (stay.person.user === to.user) stay.total = { hearts, minor };
    }
    const supporter = room.supporters.find(({ person }) => person.user === from.user);
    if (supporter) supporter.hearts += d.hearts;
    else room.supporters.push({ person: from, hearts: d.hearts });
    room.supporters.sort((a, b) => b.hearts - a.hearts);
  }

  /** Somebody sat down: whatever they were offered or asked for is settled. @param {string} who */
  #taken(who) {
    if (this.stage) {
      this.stage.offers = this.stage.offers.filter(({ person }) => person.user !== who);
      this.stage.requests = this.stage.requests.filter(({ person }) => person.user !== who);
    }
    if (this.user?.user === who) Object.assign(this.user, { offer: null, request: null });
  }

  /** A seat is free again: nobody is promised it any more. @param {number} seat */
  #released(seat) {
    if (this.stage) this.stage.offers = this.stage.offers.filter((offer) => offer.seat !== seat);
    if (this.user?.offer && this.user.offer.seat === seat) this.user.offer = null;
  }

  /** @param {StageState} stage @param {string} t @param {any} d */
  #stage(stage, t, d) {
    // A seat is held for one person at a time.
    const place = (/** @type {'offered'|'preparing'} */ step) => {
      stage.offers = stage.offers.filter((held) => held.seat !== d.seat && held.offer !== d.offer);
      stage.offers.push({ offer: d.offer, seat: d.seat, person: d.person, step, until_ms: d.until_ms });
    };
    switch (t) {
      case 'guest_invited':
        place('offered');
        break;
      case 'seat_reserved':
        if (d.offer && d.person && d.until_ms) place('preparing');
        break;
      case 'invite_resolved': {
        const held = stage.offers.find(({ offer }) => offer === d.offer);
        if (d.outcome !== 'accepted') stage.offers = stage.offers.filter(({ offer }) => offer !== d.offer);
        else if (held) Object.assign(held, { step: 'preparing', until_ms: d.prepare_until_ms ?? held.until_ms });
        break;
      }
      case 'seat_requested':
        stage.requests.push({ request: d.request, person: d.person, note: d.note, at_ms: d.at_ms });
        break;
      case 'request_resolved':
        stage.requests = stage.requests.filter((candidate) => candidate.request !== d.request);
        break;
      default:
        break;
    }
  }

  /** @param {UserState} user @param {string} t @param {any} d */
  #user(user, t, d) {
    switch (t) {
      case 'invited':
        user.offer = { offer: d.offer, seat: d.seat, by: d.by, step: 'offered', until_ms: d.until_ms };
        break;
      case 'invite_closed':
        if (!user.offer || user.offer.offer !== d.offer) break;
        if (d.outcome === 'accepted') Object.assign(user.offer, { step: 'preparing', until_ms: d.prepare_until_ms ?? user.offer.until_ms });
        else user.offer = null;
        break;
      case 'request_placed':
        user.request = { request: d.request };
        break;
      case 'request_closed':
        if (user.request?.request === d.request) user.request = null;
        if (d.cooldown_until_ms !== undefined) user.cooldown_until_ms = d.cooldown_until_ms;
        // Approved.
        if (d.offer && d.prepare_until_ms) {
          user.offer = { offer: d.offer, seat: d.seat, step: 'preparing', until_ms: d.prepare_until_ms };
        }
        break;
      case 'removed':
        this.removed = true;
        Object.assign(user, { offer: null, request: null });
        break;
      case 'badge_pending':
        user.purchases = user.purchases.filter(({ purchase }) => purchase !== d.purchase);
        user.purchases.push({ purchase: d.purchase, recipient: d.recipient, sku: d.sku, price: d.price, state: 'pending' });
        user.purchases.splice(0, Math.max(0, user.purchases.length - PURCHASES_MAX));
        break;
      case 'badge_settled': {
        const purchase = user.purchases.find((candidate) => candidate.purchase === d.purchase);
        if (purchase) purchase.state = d.outcome;
        break;
      }
      default:
        break;
    }
  }
}
