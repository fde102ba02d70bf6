// @ts-check
/** The host's sheet: who asks, who sits, who is invited, and whom to invite. */

import { attempt, avatar, h, keyed, say, sheet } from './dom.js';
import { peopleSearch } from './people.js';
import { t } from './strings.js';

/**
 * @param {import('./salon.js').Room} room
 * @param {{token: string, user: string}} me
 * @returns {{dialog: HTMLDialogElement}}
 */
export function guestSheet(room, me) {
  const requests = h('ul', { class: 'list' });
  const noRequests = h('p', { class: 'hint' });
  const allow = h('input', {
    type: 'checkbox',
    role: 'switch',
    testid: 'allow-requests',
    onchange: () => attempt(null, () => room.command('set_request_policy', { policy: allow.checked ? 'open' : 'closed' })).then(draw),
  });
  const guests = h('ul', { class: 'list' });
  const nobody = h('p', { class: 'hint' });
  const full = h('p', { class: 'hint', role: 'status' });
  const search = peopleSearch({ token: me.token, me: me.user, state: inviteState, onpick: invite });

  const part = (/** @type {string} */ title, /** @type {any[]} */ ...children) => h('section', { class: 'part' }, h('h3', {}, title), ...children);
  const dialog = sheet(
    { title: t('guests.title'), class: 'tall', testid: 'guest-sheet', onclose: () => room.removeEventListener('change', draw) },
    part(t('guests.requests'), requests, noRequests, h('label', { class: 'switch' }, h('span', {}, t('guests.allow')), allow)),
    part(t('guests.now'), guests, nobody),
    part(t('guests.invite'), full, search.element),
  );

  function draw() {
    const { view } = room;
    const waiting = view.stage?.requests ?? [];
    keyed(requests, waiting, ({ request }) => request, requestRow);
    noRequests.hidden = waiting.length > 0;
    say(noRequests, t(view.room?.requests === 'closed' ? 'guests.requests_off' : 'guests.no_requests'));
    allow.checked = view.room?.requests !== 'closed';

    const seated = view.occupied().filter(({ seat }) => seat !== 0).map(({ d }) => ({ key: `s${d.person.user}`, person: d.person, offer: null, step: '' }));
    const offered = (view.stage?.offers ?? []).map(({ offer, person, step }) => ({ key: `o${offer}${step}`, person, offer, step }));
    keyed(guests, [...seated, ...offered], ({ key }) => key, ({ person, offer, step }) => (offer ? offerRow(person, offer, step) : guestRow(person)));
    nobody.hidden = seated.length + offered.length > 0;
    say(nobody, t('guests.nobody', { count: view.seatsFree() }));
    say(full, view.seatsFree() === 0 ? t('guests.full') : '');
    search.draw();
  }

  /** @param {import('./view.js').StageState['requests'][number]} request */
  function requestRow({ request, person, note }) {
    const accept = h('button', {
      type: 'button', class: 'primary compact', testid: 'accept-request', 'aria-label': t('guests.accept_name', { name: person.name }),
      onclick: () => attempt(accept, () => room.command('approve_request', { request })),
    }, t('guests.accept'));
    const decline = h('button', {
      type: 'button', class: 'plain', testid: 'decline-request', 'aria-label': t('guests.decline_name', { name: person.name }),
      onclick: () => attempt(decline, () => room.command('decline_request', { request })),
    }, t('guests.decline'));
    return h(
      'li',
      { class: 'row', testid: 'request-item', data: { user: person.user } },
      avatar(person),
      h('span', { class: 'row-name' }, person.name, note && h('small', {}, note)),
      decline,
      accept,
    );
  }

  /** @param {import('./view.js').Person} person */
  function guestRow(person) {
    const remove = h('button', {
      type: 'button', class: 'plain', testid: 'remove-guest', 'aria-label': t('guests.remove_name', { name: person.name }), data: { user: person.user },
      onclick: () => attempt(remove, () => room.command('remove_guest', { user: person.user, to: 'audience' })),
    }, t('guests.remove'));
    // The second press is the one that counts: there is no way back into this live.
    let sure = false;
    const out = h('button', {
      type: 'button', class: 'plain grave', testid: 'remove-out', 'aria-label': t('guests.remove_out_name', { name: person.name }), data: { user: person.user },
      onclick: () => {
        if (sure) attempt(out, () => room.command('remove_guest', { user: person.user, to: 'out_of_room' }));
        sure = true;
        out.removeAttribute('aria-label');
        say(out, t('guests.remove_out_sure'));
      },
    }, t('guests.remove_out'));
    return h('li', { class: 'row wraps', testid: 'guest-item', data: { user: person.user } }, avatar(person), h('span', { class: 'row-name' }, person.name), h('span', { class: 'row-actions' }, out, remove));
  }

  /** @param {import('./view.js').Person} person @param {string} offer @param {string} step */
  function offerRow(person, offer, step) {
    const cancel = h('button', {
      type: 'button', class: 'plain', testid: 'cancel-invite', 'aria-label': t('guests.cancel_invite_name', { name: person.name }),
      onclick: () => attempt(cancel, () => room.command('cancel_invite', { offer })),
    }, t('guests.cancel_invite'));
    return h(
      'li',
      { class: 'row', testid: 'offer-item', data: { user: person.user, step } },
      avatar(person),
      h('span', { class: 'row-name' }, person.name, h('small', {}, t(step === 'preparing' ? 'guests.preparing' : 'guests.invited'))),
      cancel,
    );
  }

  /** @param {import('./view.js').Person} person */
  function inviteState({ user, name }) {
    const { view } = room;
    const seated = view.seatOf(user) !== null;
    const offer = view.stage?.offers.find(({ person }) => person.user === user);
    const label = seated ? t('guests.now') : offer ? t(offer.step === 'preparing' ? 'guests.preparing' : 'guests.invited') : t('guests.invite');
    return { label, name: seated || offer ? `${name}: ${label}` : t('guests.invite_name', { name }), disabled: seated || Boolean(offer) || view.seatsFree() === 0 };
  }

  /** @param {import('./view.js').Person} person @param {HTMLButtonElement} button */
  function invite({ user }, button) {
    attempt(button, () => room.command('invite_guests', { users: [user], mode: 'atomic' })).then(draw);
  }

  room.addEventListener('change', draw);
  draw();
  return { dialog };
}
