//! A driver without a network: it answers the room's questions, applies its decisions, and checks every one.

use std::collections::BTreeSet;

use salon_core::{Fence, GrantKey, RoomId, Time, UserId};
use salon_room::command::{Command, CommandId};
use salon_room::event::{Event, Record};
use salon_room::facts::{Facts, Query};
use salon_room::log::{Append, Log, MemoryLog};
use salon_room::seat::{Link, Seat};
use salon_room::{Actor, Ctx, Decision, Effect, Name, Person, Phase, Rejection, Room};

pub(crate) const ROOM: RoomId = RoomId::from_u128(7);

pub(crate) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(crate) fn person(name: &str) -> Person {
    Person { user: user(name), name: Name::parse(name).unwrap() }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) room: Room,
    pub(crate) now: Time,
    /// Pairs of (who blocks, who is blocked).
    pub(crate) blocks: BTreeSet<(UserId, UserId)>,
    pub(crate) ineligible: BTreeSet<UserId>,
    pub(crate) log: MemoryLog,
    pub(crate) records: Vec<Record>,
    /// Grows with every record, from what the log would give back.
    replayed: Room,
    /// Every key granted and not revoked.
    grants: BTreeSet<GrantKey>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            room: Room::new(ROOM),
            now: Time(1_000_000),
            blocks: BTreeSet::new(),
            ineligible: BTreeSet::new(),
            log: MemoryLog::new(),
            records: Vec::new(),
            replayed: Room::new(ROOM),
            grants: BTreeSet::new(),
        }
    }

    /// Gives a command and applies what follows, as a driver does.
    pub(crate) fn give(
        &mut self,
        actor: Actor,
        id: Option<u64>,
        command: &Command,
    ) -> Result<Decision, Rejection> {
        let facts = self.answer(&self.room.facts_needed(&actor, command));
        let ctx = Ctx { now: self.now, actor, command: id.map(CommandId), facts: &facts };
        let before = self.room.clone();
        let result = self.room.decide(&ctx, command);
        assert_eq!(self.room, before, "deciding changes nothing");
        assert_eq!(self.room.decide(&ctx, command), result, "deciding again gives the same");
        if let Ok(decision) = &result {
            self.apply(decision);
            self.check_decision(&before, decision);
        }
        result
    }

    pub(crate) fn system(&mut self, command: &Command) -> Result<Decision, Rejection> {
        self.give(Actor::System, None, command)
    }

    /// Fires what is due, one timer after the other, and returns the records of all.
    pub(crate) fn fire_due(&mut self) -> Vec<Record> {
        let start = self.records.len();
        while let Some((_, timer)) = self.room.next_timer().filter(|(at, _)| *at <= self.now) {
            let decision = self.system(&Command::TimerFired(timer)).expect("timers are welcome");
            assert!(!decision.records.is_empty(), "{timer:?} is due and does nothing");
        }
        self.records[start..].to_vec()
    }

    fn answer(&self, queries: &[Query]) -> Facts {
        let mut facts = Facts::new();
        for query in queries {
            match query {
                Query::Profile(user) if user.as_str() == "nobody" => {}
                Query::Profile(user) => facts.insert_profile(person(user.as_str())),
                Query::Eligible(user) => {
                    facts.insert_eligible(user.clone(), !self.ineligible.contains(user));
                }
                Query::Blocked { by, who } => {
                    let blocks = |by: &UserId| self.blocks.contains(&(by.clone(), who.clone()));
                    facts.insert_blocked(by, who, by.iter().any(blocks));
                }
            }
        }
        facts
    }

    fn apply(&mut self, decision: &Decision) {
        let append = Append { room: ROOM, records: decision.records.clone() };
        assert_eq!(self.log.append(&[append]).unwrap(), [Ok(())]);
        for record in &decision.records {
            let before = self.room.seats().to_vec();
            self.room.evolve(record);
            check_seat_changed(&before, self.room.seats(), &record.event);
            let json = serde_json::to_vec(record).unwrap();
            self.replayed.evolve(&serde_json::from_slice(&json).unwrap());
        }
        self.records.extend_from_slice(&decision.records);
        for keyed in &decision.effects {
            match &keyed.effect {
                Effect::IssueGrant { key, .. } => drop(self.grants.insert(*key)),
                Effect::RevokeGrant { key, .. } => drop(self.grants.remove(key)),
                _ => {}
            }
        }
    }

    /// What holds after every decision of every room.
    fn check_decision(&self, before: &Room, decision: &Decision) {
        let room = &self.room;
        assert_eq!(room.check(), Ok(()));
        assert_eq!(self.replayed, *room, "replaying the records gives the same room");
        if decision.records.is_empty() {
            assert_eq!(before, room);
            assert!(decision.effects.is_empty(), "an effect needs a record to name it");
        }
        for record in &decision.records {
            assert!(record.at >= before.last_at(), "the clock never goes back");
            check_release(decision, record, before.fence());
            check_eviction(decision, record);
            self.check_event(&record.event);
        }
        let mut keys: Vec<_> = decision.effects.iter().map(|effect| effect.key).collect();
        assert!(keys.is_sorted());
        keys.dedup();
        assert_eq!(keys.len(), decision.effects.len(), "each effect has a key of its own");
        self.check_stage();
    }

    fn check_event(&self, event: &Event) {
        match event {
            Event::SeatTaken { person, .. } => {
                assert!(!self.ineligible.contains(&person.user), "{person:?} is not eligible");
                let others = self.room.occupants().filter(|(_, other)| other.person != *person);
                for (_, other) in others {
                    let (one, other) = (person.user.clone(), other.person.user.clone());
                    let blocked = [(one.clone(), other.clone()), (other, one)];
                    let blocked = blocked.iter().any(|pair| self.blocks.contains(pair));
                    assert!(!blocked, "{person:?} is seated beside somebody blocked");
                }
            }
            Event::BadgeAwarded { purchase: id, .. } => {
                let awards = self.records.iter().filter(|record| {
                    matches!(&record.event, Event::BadgeAwarded { purchase, .. } if purchase == id)
                });
                assert_eq!(awards.count(), 1, "{id} is awarded once");
            }
            _ => {}
        }
    }

    fn check_stage(&self) {
        let room = &self.room;
        let held = room.seats().iter().filter(|seat| !seat.is_free()).count();
        assert!(held <= usize::from(room.policy().seats.get()), "{held} seats are held");
        let hosts = room.occupants().filter(|(_, occupant)| room.is_host(&occupant.person.user));
        let host_seats: Vec<u8> = hosts.map(|(seat, _)| seat.get()).collect();
        let expected: &[u8] = if *room.phase() == Phase::Live { &[0] } else { &[] };
        assert_eq!(host_seats, expected, "while live the host sits in seat 0, and only there");
        for grant in &self.grants {
            let seated = |stint| room.occupants().any(|(_, occupant)| occupant.stint == stint);
            assert!(
                grant.fence == room.fence() && seated(grant.stint),
                "{grant} outlived its stay"
            );
        }
        for (_, occupant) in room.occupants().filter(|(_, occupant)| occupant.link == Link::Up) {
            let key = GrantKey { fence: room.fence(), stint: occupant.stint };
            assert!(self.grants.contains(&key), "{occupant:?} may not publish");
        }
    }

    /// Rebuilds the room from its log and compares it in every way.
    pub(crate) fn check_replay(&self) {
        let mut replayed = Room::new(ROOM);
        loop {
            let page = self.log.read(ROOM, replayed.last_seq(), 7).unwrap();
            if page.is_empty() {
                break;
            }
            page.iter().for_each(|record| replayed.evolve(record));
        }
        assert_eq!(replayed, self.room);
        let bytes = |room: &Room| serde_json::to_vec(room).unwrap();
        assert_eq!(bytes(&replayed), bytes(&self.room));
    }
}

/// An event says which seat it gave to somebody else.
fn check_seat_changed(before: &[Seat], after: &[Seat], event: &Event) {
    let looks = |seat: &Seat| (seat.is_free(), seat.occupant().map(|occupant| occupant.stint));
    let mut changed = before.iter().zip(after).filter(|(old, new)| looks(old) != looks(new));
    assert_eq!(changed.next().map(|(_, seat)| seat.no), event.seat_changed(), "{event:?}");
    assert_eq!(changed.next(), None, "an event changes one seat");
}

/// A stay that ends has its grant revoked in the same decision.
fn check_release(decision: &Decision, record: &Record, fence: Fence) {
    let Event::SeatReleased { seat, user, stint: Some(stint), .. } = &record.event else { return };
    let revoke = Effect::RevokeGrant {
        user: user.clone(),
        seat: *seat,
        key: GrantKey { fence, stint: *stint },
    };
    let revoked = |keyed: &salon_room::KeyedEffect| {
        keyed.effect == revoke && keyed.key.seq == record.seq && keyed.key.epoch == record.epoch
    };
    assert!(decision.effects.iter().any(revoked), "{record:?} does not revoke");
}

/// Who takes a seat evicts, in the same decision, those they have blocked.
fn check_eviction(decision: &Decision, record: &Record) {
    let Event::SeatTaken { person, .. } = &record.event else { return };
    let predicate = salon_room::audience::Predicate::BlockedBy(person.user.clone());
    let evict = Effect::EvictAudience(predicate);
    assert!(
        decision.effects.iter().any(|keyed| keyed.effect == evict),
        "{record:?} does not evict"
    );
}
