//! Who may be told what: it belongs to the event, so that no stream has to remember it.

use salon_core::UserId;

use crate::event::{Event, InviteOutcome};
use crate::seat::SeatNo;

/// Who may be told of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Visibility {
    /// Everybody in the room.
    Room,
    /// Those who run the room, which is the host, and one other person.
    StageAndUser(UserId),
    /// One person.
    User(UserId),
    /// Nobody: it is only kept.
    Log,
}

impl Event {
    /// Who may be told.
    #[must_use]
    pub fn visibility(&self) -> Visibility {
        match self {
            Self::RoomCreated { .. }
            | Self::WentLive
            | Self::RoomEnded { .. }
            | Self::HostAbsent { .. }
            | Self::HostReturned
            | Self::SeatTaken { .. }
            | Self::SeatReleased { stint: Some(_), .. }
            | Self::LinkLost { .. }
            | Self::LinkRestored { .. }
            | Self::MediaChanged { .. }
            | Self::RequestPolicyChanged { .. }
            | Self::CommentPosted { .. }
            | Self::BadgeAwarded { .. } => Visibility::Room,
            Self::GuestInvited { person, .. }
            | Self::SeatRequested { person, .. }
            | Self::SeatReserved { person, .. } => Visibility::StageAndUser(person.user.clone()),
            Self::InviteResolved { user, .. }
            | Self::RequestResolved { user, .. }
            | Self::SeatReleased { user, stint: None, .. }
            | Self::GuestRemoved { user } => Visibility::StageAndUser(user.clone()),
            Self::BadgeBegun { from, .. } => Visibility::User(from.user.clone()),
            Self::BadgeVoided { from, .. } => Visibility::User(from.clone()),
            Self::Takeover => Visibility::Log,
        }
    }

    /// The seat that became empty, reserved or occupied.
    ///
    /// Everybody may see that change in [`Room::seats`](crate::Room::seats), also where the event itself, and so
    /// the name of the person, is not for everybody.
    #[must_use]
    pub const fn seat_changed(&self) -> Option<SeatNo> {
        match self {
            Self::GuestInvited { seat, .. }
            | Self::SeatReserved { seat, .. }
            | Self::SeatTaken { seat, .. }
            | Self::SeatReleased { seat, .. } => Some(*seat),
            Self::InviteResolved { seat, outcome, .. } => match outcome {
                InviteOutcome::Accepted { .. } => None,
                InviteOutcome::Declined
                | InviteOutcome::Cancelled
                | InviteOutcome::Expired
                | InviteOutcome::Voided => Some(*seat),
            },
            _ => None,
        }
    }
}
