//! The one place where the siblings' types meet: the room's, the ledger's and the wire's.

mod command;
mod event;
mod rejection;
mod snapshot;

pub(crate) use command::command;
pub(crate) use event::{Scene, Stream, Told, tell};
pub(crate) use rejection::{internal, not_found, refused, rejected};
pub(crate) use snapshot::{
    audience, capabilities, phase, room_state, stage_state, supporters, totals, user_state,
};

use salon_core::UserId;
use salon_room::Room;
use salon_room::seat::SelfMedia;
use salon_signal as wire;

/// The longest comment, in characters; what [`salon_room::comment::CommentText`] holds.
pub(crate) const COMMENT_CHARS_MAX: u32 = 300;

/// Somebody, as a client sees them.
pub(crate) fn person(person: &salon_room::Person) -> wire::Person {
    wire::Person { user: person.user.clone(), name: person.name.as_str().to_owned() }
}

/// Somebody who sat in this live, as a client sees them.
fn participant(room: &Room, user: &UserId) -> wire::Person {
    let known = room.participants().find(|known| known.user == *user).map(person);
    // Badges go to people who were seated, and a room remembers everybody who was.
    known.unwrap_or_else(|| wire::Person { user: user.clone(), name: user.to_string() })
}

fn media(media: SelfMedia) -> wire::person::Media {
    wire::person::Media { mic: media.mic, cam: media.cam }
}
