//! Tests of the audience.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::person::Name;

fn person(name: &str) -> Person {
    Person { user: name.parse().unwrap(), name: Name::parse(name).unwrap() }
}

#[test]
fn users_and_sessions_are_counted_apart() {
    let mut edge = Edge::new(RateLimits::default());
    edge.join(Session(1), person("ada"));
    edge.join(Session(2), person("ada"));
    edge.join(Session(3), person("bob"));
    edge.join(Session(3), person("bob"));
    assert_eq!(edge.count(), Count { users: 2, sessions: 3, version: 3, peak: 2 });
    edge.leave(Session(3));
    edge.leave(Session(3));
    edge.leave(Session(1));
    assert_eq!(edge.count(), Count { users: 1, sessions: 1, version: 5, peak: 2 });
    assert_eq!(edge.list(9).map(|person| person.name.as_str()).collect::<Vec<_>>(), ["ada"]);
}

#[test]
fn a_block_evicts_every_session_of_the_blocked() {
    let mut edge = Edge::new(RateLimits::default());
    for (session, name) in [(1, "ada"), (2, "eve"), (3, "bob"), (4, "eve")] {
        edge.join(Session(session), person(name));
    }
    let predicate = Predicate::BlockedBy("cid".parse().unwrap());
    let evicted = edge.evict(&predicate, |user| user.as_str() == "eve");
    assert_eq!(evicted, [Session(2), Session(4)]);
    assert_eq!(edge.count().users, 2);
    assert!(!edge.contains(&"eve".parse().unwrap()));
}

#[test]
fn hearts_are_refused_whole_and_come_back_with_time() {
    let ada = person("ada").user;
    let mut edge = Edge::new(RateLimits::default());
    assert_eq!(edge.react(Time(0), &ada, 15), Ok(15));
    let retry_after = Duration::from_millis(100);
    assert_eq!(edge.react(Time(0), &ada, 6), Err(RateLimited { retry_after }));
    assert_eq!(edge.react(Time(100_000), &ada, 6), Ok(21));
    assert_eq!(edge.react(Time(100_000), &person("bob").user, 1), Ok(22));
    assert!(edge.react(Time(9_000_000), &ada, 21).is_err());
}

#[test]
fn reconnecting_does_not_make_a_commenter_faster() {
    let mut edge = Edge::new(RateLimits::default());
    let ada = person("ada");
    for _ in 0..5 {
        edge.join(Session(1), ada.clone());
        assert_eq!(edge.comment(Time(0), &ada.user), Ok(()));
        edge.leave(Session(1));
    }
    let retry_after = Duration::from_secs(1);
    assert_eq!(edge.comment(Time(0), &ada.user), Err(RateLimited { retry_after }));
    assert_eq!(edge.comment(Time(1_000_000), &ada.user), Ok(()));
}

proptest! {
    #[test]
    fn presence_is_what_joined_and_did_not_leave(
        steps in prop::collection::vec((0_u64..6, 0_usize..4, 0_u8..5), 0..60),
    ) {
        let names = ["ada", "bob", "cid", "dan"];
        let mut edge = Edge::new(RateLimits::default());
        let mut model: BTreeMap<u64, &str> = BTreeMap::new();
        let mut version = 0;
        for (session, name, what) in steps {
            let name = names[name];
            match what {
                0..3 => {
                    edge.join(Session(session), person(name));
                    model.insert(session, name);
                }
                3 => {
                    edge.leave(Session(session));
                    model.remove(&session);
                }
                _ => {
                    edge.evict(&Predicate::User(person(name).user), |_| true);
                    model.retain(|_, other| *other != name);
                }
            }
            prop_assert_eq!(edge.check(), Ok(()));
            let users: std::collections::BTreeSet<&str> = model.values().copied().collect();
            prop_assert_eq!(edge.count().users, users.len() as u64);
            prop_assert_eq!(edge.count().sessions, model.len() as u64);
            prop_assert!(edge.count().version >= version);
            version = edge.count().version;
        }
    }

    #[test]
    fn nobody_is_faster_than_the_limits(
        acts in prop::collection::vec((0_u64..2_000_000, 0_u32..30), 1..80),
    ) {
        let ada = person("ada").user;
        let mut edge = Edge::new(RateLimits::default());
        let (mut now, mut total) = (Time(0), 0);
        for (wait, hearts) in acts {
            now = Time(now.0 + wait);
            if edge.react(now, &ada, hearts).is_ok() {
                total += u64::from(hearts);
            }
            prop_assert_eq!(edge.hearts(), total);
            prop_assert!(total <= 20 + now.0 / 100_000);
        }
    }
}
