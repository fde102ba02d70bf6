//! Comments. How often somebody may comment is the edge's to say.

use crate::comment::{CommentId, CommentText};
use crate::event::Event;
use crate::rejection::Rejection;

use super::Turn;

impl Turn<'_> {
    pub(super) fn post_comment(&mut self, text: &CommentText) -> Result<(), Rejection> {
        let person = self.expect_person()?.clone();
        self.expect_live()?;
        self.expect_not_removed(&person.user)?;
        let hearts = self.room.hearts_best(&person.user);
        let comment = CommentId(self.next_seq());
        self.record(Event::CommentPosted { comment, person, text: text.clone(), hearts });
        Ok(())
    }
}
