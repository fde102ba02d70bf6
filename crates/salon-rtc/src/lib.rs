//! WebRTC for live rooms: seats publish, viewers watch, one UDP socket for each shard.
//!
//! [`bind`] opens the sockets and gives back three values: [`Media`], the handle that takes offers
//! and orders; a [`Driver`] for each shard, which must be run (on a thread with a current-thread runtime of its own,
//! so that packets never wait for other work); and [`Events`], what happened to the sessions. There is one shard unless
//! [`Config::shards`] says otherwise.
//!
//! A *stage* is what one room's seats publish into: four slots, each fed by whoever publishes
//! there under the highest [`GrantKey`](salon_core::GrantKey). A viewer of a stage sends one offer
//! with up to four receive-only audio and four receive-only video sections; section *n* of its kind
//! is slot *n*, and stays so: a change of seats never needs another offer.
//!
//! ```no_run
//! use salon_core::{Fence, GrantKey, StintId};
//! use salon_rtc::media::{Publish, Watch};
//! use salon_rtc::{Config, StageId};
//!
//! # async fn example(offer_of_host: String, offer_of_viewer: String) -> Result<(), Box<dyn std::error::Error>> {
//! let (media, drivers, mut events) = salon_rtc::bind(Config::default())?;
//! for driver in drivers {
//!     std::thread::spawn(move || {
//!         let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//!         runtime.block_on(driver.run())
//!     });
//! }
//!
//! let stage = StageId(7);
//! let key = GrantKey { fence: Fence(1), stint: StintId(1) };
//! let answer = media.publish(Publish { stage, slot: 0, key, offer: offer_of_host }).await?;
//! println!("{}", answer.sdp);
//! let answer = media.watch(Watch { stage, offer: offer_of_viewer, mask: None }).await?;
//! println!("{}", answer.sdp);
//! while let Some(event) = events.next().await {
//!     println!("{event:?}");
//! }
//! # Ok(())
//! # }
//! ```

pub mod config;
pub mod event;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod media;
pub mod statistics;

mod clock;
mod demand;
mod driver;
mod egress;
mod even;
mod forward;
mod handshakes;
mod mesh;
mod order;
mod pack;
mod peer;
mod routes;
mod sdp;
mod seat;
mod session;
mod shard;
mod singles;
mod socket;
mod stage;
mod stun;
mod table;
mod thin;
mod tracks;
mod viewer;
mod world;

pub use config::{BindError, Config};
pub use driver::{Driver, bind};
pub use event::{Event, Events};
pub use media::{Answer, Media, OfferError, SessionId, StageId};
pub use statistics::Statistics;
