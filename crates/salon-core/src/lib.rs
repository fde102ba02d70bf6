//! The vocabulary every Salon crate shares, and nothing else.
//!
//! * [`id`]: who and what: rooms, users, purchases, tracks, nodes.
//! * [`time`]: [`Time`] for records and [`MediaTime`] for packets; both are arguments, never read here.
//! * [`fence`]: [`Fence`] and [`StintId`], which make a seat limit, a kick and a tip exact.
//! * [`money`]: integers of the minor unit, checked arithmetic only.
//! * [`chain`]: the hash chain under every durable log.
//! * [`text`]: strings with a bound, so that no later code has to check a length.
//!
//! ```
//! use salon_core::{Money, RoomId, UserId, money::Currency};
//!
//! let room = RoomId::from_u128(7);
//! assert_eq!(room.to_string().parse::<RoomId>(), Ok(room));
//! let ada = UserId::parse("ada")?;
//! let price = Money::new(499, Currency::USD);
//! assert_eq!(format!("{ada} pays {price}"), "ada pays 4.99 USD");
//! # Ok::<(), salon_core::id::ParseIdError>(())
//! ```

pub mod chain;
pub mod fence;
pub mod id;
pub mod money;
pub mod text;
pub mod time;

pub use fence::{Fence, GrantKey, StintId};
pub use id::{NodeId, PurchaseId, RoomId, Scope, TrackId, UserId};
pub use money::Money;
pub use text::Text;
pub use time::{MediaTime, Time};
