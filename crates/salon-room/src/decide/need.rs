//! Which facts each command needs.

use salon_core::UserId;

use crate::command::Command;
use crate::facts::Query;
use crate::person::Actor;
use crate::room::Room;

impl Room {
    /// What has to be known about people before [`decide`](Self::decide) is asked the same.
    ///
    /// It depends on who is seated. If the room changed while the driver was asking around, ask this again.
    #[must_use]
    pub fn facts_needed(&self, actor: &Actor, command: &Command) -> Vec<Query> {
        let Some(person) = actor.person() else { return Vec::new() };
        let user = &person.user;
        let mut queries = Vec::new();
        match command {
            Command::CreateRoom { .. } | Command::GoLive => {
                queries.push(Query::Eligible(user.clone()));
            }
            Command::InviteGuests { users, .. } => {
                // More than three are refused whoever they are.
                for user in users.iter().take(super::invite::USERS_MAX) {
                    queries.push(Query::Profile(user.clone()));
                    self.need_stage_mate(user, &mut queries);
                }
            }
            Command::RequestSeat { .. } | Command::ConfirmReady { .. } => {
                self.need_stage_mate(user, &mut queries);
            }
            Command::ApproveRequest { request } => {
                if let Some(request) = self.queue.get(*request) {
                    self.need_stage_mate(&request.person.user, &mut queries);
                }
            }
            Command::CheckJoin | Command::BeginBadge { .. } => {
                self.need_not_blocked(user, &mut queries);
            }
            _ => {}
        }
        queries
    }

    fn need_stage_mate(&self, user: &UserId, queries: &mut Vec<Query>) {
        self.need_not_blocked(user, queries);
        for who in self.others_seated(user) {
            queries.push(Query::Blocked { by: vec![user.clone()], who });
        }
        queries.push(Query::Eligible(user.clone()));
    }

    fn need_not_blocked(&self, user: &UserId, queries: &mut Vec<Query>) {
        let by: Vec<UserId> = self.others_seated(user).collect();
        if !by.is_empty() {
            queries.push(Query::Blocked { by, who: user.clone() });
        }
    }

    fn others_seated(&self, user: &UserId) -> impl Iterator<Item = UserId> {
        let seated = self.occupants().map(|(_, occupant)| &occupant.person.user);
        seated.filter(move |other| *other != user).cloned()
    }
}
