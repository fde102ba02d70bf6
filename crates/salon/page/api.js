// @ts-check
/** The HTTP half of Salon: everything that is not live. Every address is relative to where the page is mounted. */

/** Where Salon is mounted: the folder above the one this module is served from. */
export const base = new URL('..', import.meta.url);

/** The server, or the way to it, said no. `name` is what a page translates. */
export class ApiError extends Error {
  /** @param {number} status @param {{code?: number, name?: string, class?: string, message?: string, retry_after_ms?: number}} body */
  constructor(status, body) {
    super(body.message ?? `request refused with ${status}`);
    this.status = status;
    this.name = body.name ?? (status === 0 ? 'offline' : status === 404 ? 'room_not_found' : 'internal');
    this.code = body.code ?? 0;
    this.class = body.class ?? 'retry';
    this.retry_after_ms = body.retry_after_ms;
  }
}

/**
 * @param {string} path
 * @param {{method?: string, token?: string, body?: object, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
async function call(path, { method = 'GET', token, body, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (body) headers['content-type'] = 'application/json';
  const response = await fetch(new URL(path, base), { method, headers, signal, body: body && JSON.stringify(body) }).catch((error) => {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, {});
  });
  if (!response.ok) throw new ApiError(response.status, await response.json().catch(() => ({})));
  return response.json();
}

/** @typedef {import('./view.js').Person} Person */
/** @typedef {{room: string, title: string, host: Person, guests: Person[], viewers: number, live_since_ms: number, seats: number, invited: boolean}} LiveRoom */

/** @param {string} name @returns {Promise<{token: string, user: string, name: string, expires_ms: number}>} */
export const issueToken = (name) => call('api/tokens', { method: 'POST', body: { name } });

/** @param {string|undefined} token @param {AbortSignal} [signal] @returns {Promise<{rooms: LiveRoom[]}>} */
export const liveRooms = (token, signal) => call('api/rooms', { token, signal });

/** @param {string} token @param {string} title @returns {Promise<{room: string}>} */
export const createRoom = (token, title) => call('api/rooms', { method: 'POST', token, body: { title } });

/** @param {string} token @param {string} room */
export const summary = (token, room) => call(`api/rooms/${encodeURIComponent(room)}`, { token });

/** @param {string} token @param {string} query @param {AbortSignal} [signal] @returns {Promise<{people: Person[]}>} */
export const people = (token, query, signal) => call(`api/people?q=${encodeURIComponent(query)}`, { token, signal });
