//! The token a seated person publishes with: signed, bound to one stay in the seats, short-lived.
//!
//! The token only names a grant. Whether it still holds is the room's to say, at the moment of use.

use std::time::Duration;

use salon_core::{GrantKey, RoomId, Time, UserId};
use serde::{Deserialize, Serialize};

use crate::seal::Sealer;

/// How long a grant can be used to start publishing. A session that is publishing goes on without it.
/// As long as the longest live, so that a page can publish anew after losing its connection.
const LIFETIME: Duration = Duration::from_secs(4 * 3_600);

/// What a publishing token says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Grant {
    pub(crate) room: RoomId,
    pub(crate) user: UserId,
    pub(crate) key: GrantKey,
    expires: Time,
}

/// The token for one stay in the seats.
pub(crate) fn sign(
    sealer: &Sealer,
    now: Time,
    room: RoomId,
    user: &UserId,
    key: GrantKey,
) -> String {
    sealer.seal(&Grant { room, user: user.clone(), key, expires: now + LIFETIME })
}

/// The grant a token names, if it was signed here and has not expired.
pub(crate) fn verify(sealer: &Sealer, token: &str, now: Time) -> Option<Grant> {
    sealer.open::<Grant>(token).filter(|grant| grant.expires > now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use salon_core::{Fence, StintId};

    const KEY: GrantKey = GrantKey { fence: Fence(1), stint: StintId(2) };
    const ROOM: RoomId = RoomId::from_u128(3);

    #[test]
    fn a_grant_holds_until_it_expires() {
        let sealer = Sealer::new([1; 32]);
        let user = UserId::parse("ada").unwrap();
        let token = sign(&sealer, Time(0), ROOM, &user, KEY);
        let grant = verify(&sealer, &token, Time(1)).unwrap();
        assert_eq!((grant.room, grant.user, grant.key), (ROOM, user, KEY));
        assert_eq!(verify(&sealer, &token, Time(0) + LIFETIME), None);
    }
}
