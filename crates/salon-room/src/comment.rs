//! Comments: what a room keeps of them for those who join later.

use salon_core::{Text, Time};
use serde::{Deserialize, Serialize};

use crate::person::Person;

/// What somebody wrote.
pub type CommentText = Text<1, 300>;

/// Names one comment. It is the sequence number of the record that made it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct CommentId(pub u64);

/// Something said in writing.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Comment {
    /// Names it.
    pub id: CommentId,
    /// When the room admitted it.
    pub at: Time,
    /// Who wrote it.
    pub person: Person,
    /// What.
    pub text: CommentText,
    /// The hearts of the highest badge its author had bought in this live by then; 0 for none.
    pub hearts: u8,
}
