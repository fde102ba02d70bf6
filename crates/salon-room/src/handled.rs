//! Which commands were carried out, so that none is carried out twice.

use std::collections::{BTreeMap, VecDeque};

use salon_core::UserId;
use serde::Serialize;

use crate::command::CommandId;
use crate::event::Record;

/// How many commands a room remembers, over all people.
///
/// A guess: a client repeats a command within seconds of a lost connection, and a busy room takes far fewer than
/// a thousand a second.
pub const COMMANDS_REMEMBERED: usize = 4_096;

/// The commands that led to records, the last [`COMMANDS_REMEMBERED`] of them.
///
/// A command that changed nothing, or was refused, is not in here: doing it again is harmless.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Handled {
    // Invariant: oldest first, no more than COMMANDS_REMEMBERED.
    order: VecDeque<(UserId, CommandId)>,
    // Invariant: exactly the pairs of `order`, each with the last record it led to.
    seqs: BTreeMap<UserId, BTreeMap<CommandId, u64>>,
}

impl Handled {
    pub(crate) fn seq(&self, user: &UserId, command: CommandId) -> Option<u64> {
        self.seqs.get(user)?.get(&command).copied()
    }

    pub(crate) fn remember(&mut self, record: &Record) {
        let (Some(person), Some(command)) = (record.actor.person(), record.cause) else {
            return;
        };
        let commands = self.seqs.entry(person.user.clone()).or_default();
        if commands.insert(command, record.seq).is_some() {
            return;
        }
        self.order.push_back((person.user.clone(), command));
        if self.order.len() > COMMANDS_REMEMBERED {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((user, command)) = self.order.pop_front() else { return };
        if let Some(commands) = self.seqs.get_mut(&user) {
            commands.remove(&command);
            if commands.is_empty() {
                self.seqs.remove(&user);
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.order.len() > COMMANDS_REMEMBERED {
            return Err("no more commands are remembered than the bound");
        }
        if self.order.len() != self.seqs.values().map(BTreeMap::len).sum::<usize>() {
            return Err("each remembered command has its place in the order");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use salon_core::{Fence, Time};

    use super::*;
    use crate::event::Event;
    use crate::person::{Actor, Name, Person};

    #[test]
    fn the_oldest_is_forgotten_first() {
        let ada = Person { user: "ada".parse().unwrap(), name: Name::parse("Ada").unwrap() };
        let mut handled = Handled::default();
        let last = COMMANDS_REMEMBERED as u64 + 1;
        for seq in 1..=last {
            handled.remember(&Record {
                epoch: Fence(1),
                seq,
                at: Time(0),
                actor: Actor::User(ada.clone()),
                cause: Some(CommandId(seq)),
                event: Event::WentLive,
            });
            assert_eq!(handled.check(), Ok(()));
        }
        assert_eq!(handled.seq(&ada.user, CommandId(1)), None);
        assert_eq!(handled.seq(&ada.user, CommandId(2)), Some(2));
        assert_eq!(handled.seq(&ada.user, CommandId(last)), Some(last));
    }
}
