//! Who owns a room. Ownership is a term with a fence: the highest fence is the one writer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use salon_core::{Fence, NodeId, RoomId};

/// One term of ownership.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Owner {
    /// The node that decides for the room.
    pub node: NodeId,
    /// Its fence; higher than that of every earlier term.
    pub fence: Fence,
}

/// Why the directory did not answer. Nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Another node holds the room.
    #[error("room {room} is owned by node {}", owner.node.0)]
    Owned {
        /// The room asked for.
        room: RoomId,
        /// Who holds it now.
        owner: Owner,
    },
    /// The directory cannot be reached.
    #[error("directory is unreachable: {0}")]
    Unreachable(String),
}

/// Names one owner for every room that is awake.
#[async_trait]
pub trait Directory: fmt::Debug + Send + Sync {
    /// Makes `node` the owner of `room`, with a fence higher than `after` and than any given before.
    ///
    /// `after` is the highest fence found in the room's durable log.
    ///
    /// # Errors
    /// [`DirectoryError::Owned`] while another term is held.
    async fn claim(
        &self,
        room: RoomId,
        node: NodeId,
        after: Fence,
    ) -> Result<Owner, DirectoryError>;

    /// The current owner, if the room is awake.
    ///
    /// # Errors
    /// [`DirectoryError::Unreachable`].
    async fn owner(&self, room: RoomId) -> Result<Option<Owner>, DirectoryError>;

    /// Ends the term `fence`. A term that is no longer current is left alone.
    ///
    /// # Errors
    /// [`DirectoryError::Unreachable`].
    async fn release(&self, room: RoomId, fence: Fence) -> Result<(), DirectoryError>;
}

/// The directory of a single process.
///
/// Memory: one row for each room that is awake. What a sleeping room's fence was is in its log.
#[derive(Debug, Default)]
pub struct LocalDirectory {
    owners: Mutex<BTreeMap<RoomId, Owner>>,
}

impl LocalDirectory {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn owners(&self) -> MutexGuard<'_, BTreeMap<RoomId, Owner>> {
        // A panic while the lock was held cannot leave a row half written.
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Directory for LocalDirectory {
    async fn claim(
        &self,
        room: RoomId,
        node: NodeId,
        after: Fence,
    ) -> Result<Owner, DirectoryError> {
        let mut owners = self.owners();
        if let Some(owner) = owners.get(&room) {
            return Err(DirectoryError::Owned { room, owner: *owner });
        }
        let owner = Owner { node, fence: after.next() };
        owners.insert(room, owner);
        Ok(owner)
    }

    async fn owner(&self, room: RoomId) -> Result<Option<Owner>, DirectoryError> {
        Ok(self.owners().get(&room).copied())
    }

    async fn release(&self, room: RoomId, fence: Fence) -> Result<(), DirectoryError> {
        let mut owners = self.owners();
        if owners.get(&room).is_some_and(|owner| owner.fence == fence) {
            owners.remove(&room);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId::from_u128(1);

    #[tokio::test]
    async fn a_room_has_one_owner_and_fences_only_grow() {
        let directory = LocalDirectory::new();
        let first = directory.claim(ROOM, NodeId(1), Fence(4)).await.unwrap();
        assert_eq!(first.fence, Fence(5));
        let refused = directory.claim(ROOM, NodeId(2), Fence(5)).await;
        assert_eq!(refused, Err(DirectoryError::Owned { room: ROOM, owner: first }));
        directory.release(ROOM, first.fence).await.unwrap();
        let second = directory.claim(ROOM, NodeId(2), first.fence).await.unwrap();
        assert!(second.fence > first.fence);
    }

    #[tokio::test]
    async fn an_old_term_cannot_release_a_new_one() {
        let directory = LocalDirectory::new();
        let owner = directory.claim(ROOM, NodeId(1), Fence(7)).await.unwrap();
        directory.release(ROOM, Fence(7)).await.unwrap();
        assert_eq!(directory.owner(ROOM).await, Ok(Some(owner)));
    }
}
