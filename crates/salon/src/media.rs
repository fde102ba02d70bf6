//! Media as the rooms use it: who may publish and watch, and what media tells the rooms.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use salon_core::RoomId;
use salon_room::Person;
use salon_rtc::media::SLOTS;
use salon_rtc::{Answer as MediaAnswer, Event, Events, OfferError, SessionId, Statistics};
use salon_signal::server::Rejected;

use crate::Salon;
use crate::metrics::{Kind, Sample};
use crate::room::call::{Answer, Call};
use crate::room::grant;
use crate::room::place::Presence;
use crate::translate;

/// Why an offer got no answer.
#[derive(Debug)]
pub(crate) enum MediaRefusal {
    /// The token names no grant, or one that does not hold any more.
    Grant,
    /// The room does not let this person.
    Room(Rejected),
    /// The offer is not one that can be answered.
    Offer(OfferError),
    /// Media has no room for another session.
    Overloaded(OfferError),
}

impl From<OfferError> for MediaRefusal {
    fn from(error: OfferError) -> Self {
        match error {
            OfferError::Full(_) | OfferError::Closed => Self::Overloaded(error),
            OfferError::Revoked(_) => Self::Grant,
            error => Self::Offer(error),
        }
    }
}

/// Which room each watching session belongs to.
#[derive(Debug, Default)]
pub(crate) struct MediaSessions(Mutex<BTreeMap<SessionId, RoomId>>);

impl MediaSessions {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, RoomId>> {
        // A panic while the lock was held cannot leave a row half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Salon {
    /// Answers an offer to publish, under the grant that `token` names.
    pub(crate) async fn publish(
        &self,
        room: RoomId,
        token: &str,
        offer: String,
    ) -> Result<MediaAnswer, MediaRefusal> {
        let grant = grant::verify(self.sealer(), token, self.now())
            .filter(|grant| grant.room == room)
            .ok_or(MediaRefusal::Grant)?;
        let call = Call::Publish { user: grant.user, key: grant.key, offer };
        self.negotiate(room, call).await
    }

    /// Answers an offer to watch.
    pub(crate) async fn watch(
        &self,
        room: RoomId,
        person: Person,
        offer: String,
    ) -> Result<MediaAnswer, MediaRefusal> {
        self.negotiate(room, Call::Watch { person, offer }).await
    }

    async fn negotiate(&self, room: RoomId, call: Call) -> Result<MediaAnswer, MediaRefusal> {
        let refused = match self.call(room, call).await {
            Ok(Answer::Media(Ok(answer))) => return Ok(answer),
            Ok(Answer::Media(Err(error))) => error.into(),
            Ok(Answer::NoGrant) => MediaRefusal::Grant,
            Ok(Answer::Rejected(rejected)) | Err(rejected) => MediaRefusal::Room(rejected),
            Ok(Answer::Done { .. } | Answer::Summary(_)) => {
                MediaRefusal::Room(translate::internal())
            }
        };
        self.metrics().offers_refused.add_one();
        Err(refused)
    }

    /// Ends a session; false if there is none.
    pub(crate) async fn close_media(&self, session: SessionId) -> bool {
        self.media().close(session).await
    }

    /// Notes how large a viewer shows each seat; false if there is no such session.
    pub(crate) async fn tiles(&self, session: SessionId, rows: [u16; SLOTS]) -> bool {
        self.media().tiles(session, rows).await
    }

    /// Remembers which room a watching session belongs to.
    pub(crate) fn note_media(&self, session: SessionId, room: RoomId) {
        self.0.media_sessions.lock().insert(session, room);
    }

    /// Passes on what media tells, until it has ended.
    pub(crate) async fn hear_media(&self, mut events: Events) {
        while let Some(event) = events.next().await {
            match event {
                Event::Connected { session } => tracing::debug!(?session, "media connected"),
                Event::Disconnected { session } => {
                    tracing::debug!(?session, "media disconnected");
                    let room = self.0.media_sessions.lock().remove(&session);
                    if let Some(presence) = room.and_then(|room| self.0.rooms.presence(room)) {
                        let _ended = presence.send(Presence::MediaEnded { session }).await;
                    }
                }
                Event::LayersWanted { stage, slot: seat, layers } => {
                    let room = RoomId::from_u128(stage.0);
                    if let Some(presence) = self.0.rooms.presence(room) {
                        let wanted = layers.iter().map(|layer| layer.index() as u8).collect();
                        let _ended = presence.send(Presence::Layers { seat, wanted }).await;
                    }
                }
                Event::Speaking { stage, slots: seats } => {
                    let room = RoomId::from_u128(stage.0);
                    if let Some(presence) = self.0.rooms.presence(room) {
                        // The next one says it all again.
                        let _full = presence.try_send(Presence::Speaking { seats });
                    }
                }
            }
        }
    }
}

/// Media's counters, as an operator watches them.
pub(crate) fn samples(statistics: Statistics) -> Vec<Sample> {
    let sample = |kind, name, help, value: u64| Sample { name, help, kind, value: value.into() };
    let counter = |name, help, value| sample(Kind::Counter, name, help, value);
    let gauge = |name, help, value| sample(Kind::Gauge, name, help, value);
    let now = statistics;
    vec![
        gauge("salon_media_publishers", "Sessions that publish.", now.publishers),
        gauge("salon_media_viewers", "Sessions that watch.", now.viewers),
        counter("salon_media_datagrams_in_total", "Datagrams received.", now.datagrams_in),
        counter("salon_media_datagrams_out_total", "Datagrams sent.", now.datagrams_out),
        counter("salon_media_datagrams_unsent_total", "Datagrams unsent.", now.datagrams_unsent),
        counter("salon_media_datagrams_unknown_total", "Foreign datagrams.", now.datagrams_unknown),
        counter("salon_media_bytes_in_total", "Bytes received.", now.bytes_in),
        counter("salon_media_bytes_out_total", "Bytes sent.", now.bytes_out),
        counter("salon_media_packets_in_total", "Packets of publishers.", now.packets_in),
        counter("salon_media_packets_out_total", "Packets to viewers.", now.packets_out),
        counter("salon_media_runs_out_total", "Calls that took them.", now.runs_out),
        counter("salon_media_packets_refused_total", "Not forwarded.", now.packets_refused),
        counter("salon_media_keyframes_wanted_total", "Asked by viewers.", now.keyframes_wanted),
        counter(
            "salon_media_keyframes_requested_total",
            "Asked of publishers.",
            now.keyframes_requested,
        ),
        counter("salon_media_feedback_total", "Transport-wide feedback.", now.feedback_messages),
        counter(
            "salon_media_packets_reported_received_total",
            "Received, as that feedback says.",
            now.packets_reported_received,
        ),
        counter(
            "salon_media_packets_reported_lost_total",
            "Not received, as it says.",
            now.packets_reported_lost,
        ),
    ]
}
