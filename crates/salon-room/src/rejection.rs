//! Why a room refuses a command, in words and numbers a client may see.

use salon_core::Time;

/// Why a command was refused. The room is unchanged.
///
/// Blocked, private and removed are one answer, [`NotAvailable`](Self::NotAvailable), so that nobody can find out
/// which of them it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// 1000: the room was never created.
    #[error("there is no such room")]
    RoomNotFound,
    /// 1001: the room was created before.
    #[error("the room exists already")]
    RoomExists,
    /// 1002: the room is over.
    #[error("the room has ended")]
    RoomEnded,
    /// 1003: not before going live, or not while live.
    #[error("this is not possible at this stage of the room")]
    WrongPhase,
    /// 1004: the one answer for blocked, private, unknown and removed.
    #[error("this is not available")]
    NotAvailable,
    /// 1005: not a command for this kind of actor.
    #[error("this is not yours to do")]
    NotPermitted,
    /// 1006: only the host may.
    #[error("only the host can do this")]
    NotHost,
    /// 1007: the host does not leave, the host ends the room.
    #[error("the host cannot leave the seat, only end the room")]
    HostMustEnd,
    /// 1010: whoever is meant has no seat.
    #[error("there is no seat to act on")]
    NotSeated,
    /// 1011: whoever is meant has a seat already.
    #[error("this person is seated already")]
    AlreadySeated,
    /// 1012: not enough seats.
    #[error("{free} seats are free")]
    SeatsFull {
        /// How many are free.
        free: u8,
    },
    /// 1013: nobody invites or removes themselves.
    #[error("this cannot be done to yourself")]
    SelfTarget,
    /// 1014: the embedder's rules keep this person off every stage.
    #[error("this person cannot go live")]
    NotEligible,
    /// 1020: an invitation is for one to three people.
    #[error("an invitation is for one to three people, not {have}")]
    InviteSize {
        /// How many were named.
        have: usize,
    },
    /// 1021: a seat is reserved for this person already.
    #[error("a seat is reserved for this person already")]
    AlreadyInvited,
    /// 1022: no such offer, or not this person's.
    #[error("there is no such invitation")]
    OfferNotFound,
    /// 1023: the moment has passed.
    #[error("the invitation has expired")]
    OfferExpired,
    /// 1024: it was answered before.
    #[error("the invitation was answered before")]
    OfferResolved,
    /// 1025: ready for what? No seat is waiting.
    #[error("no seat is waiting for you to be ready")]
    NotPreparing,
    /// 1030: the host takes no requests.
    #[error("requests are closed")]
    RequestsClosed,
    /// 1031: one request at a time.
    #[error("your request is waiting already")]
    RequestExists,
    /// 1032: no such request, or it was answered.
    #[error("there is no such request")]
    RequestNotFound,
    /// 1033: too many requests wait.
    #[error("too many requests are waiting")]
    QueueFull,
    /// 1034: declined a moment ago.
    #[error("it is too early to ask again")]
    Cooldown {
        /// From when on it is not.
        until: Time,
    },
    /// 1040: this room sells no badges.
    #[error("badges are not sold here")]
    BadgesOff,
    /// 1041: badges are for people seated.
    #[error("badges are for people in a seat")]
    RecipientNotSeated,
    /// 1042: nobody buys themselves a badge.
    #[error("nobody can buy a badge for themselves")]
    SelfBadge,
    /// 1043: this purchase identifier was used before.
    #[error("this purchase was begun before")]
    PurchaseExists,
    /// 1044: no such purchase is under way.
    #[error("there is no such purchase")]
    PurchaseNotFound,
    /// 1045: too many purchases are under way.
    #[error("another purchase has to finish first")]
    PurchasesPending,
    /// 1050: a take-over needs a higher fence.
    #[error("another process owns the room")]
    StaleFence,
    /// 1060: this person's command was carried out before. Answer as then.
    #[error("this was done before")]
    Duplicate {
        /// The last record of the first time.
        seq: u64,
    },
}

/// What a client can do about a refusal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// Ask for something else.
    Fix,
    /// Ask again when things have changed.
    Retry,
    /// Ask again at a known moment.
    RetryAfter,
    /// Prove who you are again.
    Reauth,
    /// Take a new snapshot: your picture of the room is old.
    Resync,
    /// Connect again, to whoever owns the room now.
    Rejoin,
    /// Give up.
    Gone,
}

impl Rejection {
    /// A stable number, 1000 to 1999. It never changes its meaning.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.entry().0
    }

    /// A stable name in `snake_case`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.entry().1
    }

    /// What a client can do about it.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.entry().2
    }

    /// A sentence that is safe to show; the same as `Display`.
    #[must_use]
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// From when on the same command may succeed, where that is known.
    #[must_use]
    pub const fn retry_at(&self) -> Option<Time> {
        match self {
            Self::Cooldown { until } => Some(*until),
            _ => None,
        }
    }

    /// One of each, in order of their codes: for registries.
    #[must_use]
    pub const fn every() -> [Self; 32] {
        [
            Self::RoomNotFound,
            Self::RoomExists,
            Self::RoomEnded,
            Self::WrongPhase,
            Self::NotAvailable,
            Self::NotPermitted,
            Self::NotHost,
            Self::HostMustEnd,
            Self::NotSeated,
            Self::AlreadySeated,
            Self::SeatsFull { free: 0 },
            Self::SelfTarget,
            Self::NotEligible,
            Self::InviteSize { have: 0 },
            Self::AlreadyInvited,
            Self::OfferNotFound,
            Self::OfferExpired,
            Self::OfferResolved,
            Self::NotPreparing,
            Self::RequestsClosed,
            Self::RequestExists,
            Self::RequestNotFound,
            Self::QueueFull,
            Self::Cooldown { until: Time(0) },
            Self::BadgesOff,
            Self::RecipientNotSeated,
            Self::SelfBadge,
            Self::PurchaseExists,
            Self::PurchaseNotFound,
            Self::PurchasesPending,
            Self::StaleFence,
            Self::Duplicate { seq: 0 },
        ]
    }

    const fn entry(&self) -> (u16, &'static str, Class) {
        match self {
            Self::RoomNotFound => (1000, "room_not_found", Class::Gone),
            Self::RoomExists => (1001, "room_exists", Class::Fix),
            Self::RoomEnded => (1002, "room_ended", Class::Gone),
            Self::WrongPhase => (1003, "wrong_phase", Class::Resync),
            Self::NotAvailable => (1004, "not_available", Class::Gone),
            Self::NotPermitted => (1005, "not_permitted", Class::Fix),
            Self::NotHost => (1006, "not_host", Class::Fix),
            Self::HostMustEnd => (1007, "host_must_end", Class::Fix),
            Self::NotSeated => (1010, "not_seated", Class::Resync),
            Self::AlreadySeated => (1011, "already_seated", Class::Resync),
            Self::SeatsFull { .. } => (1012, "seats_full", Class::Retry),
            Self::SelfTarget => (1013, "self_target", Class::Fix),
            Self::NotEligible => (1014, "not_eligible", Class::Fix),
            Self::InviteSize { .. } => (1020, "invite_size", Class::Fix),
            Self::AlreadyInvited => (1021, "already_invited", Class::Resync),
            Self::OfferNotFound => (1022, "offer_not_found", Class::Resync),
            Self::OfferExpired => (1023, "offer_expired", Class::Resync),
            Self::OfferResolved => (1024, "offer_resolved", Class::Resync),
            Self::NotPreparing => (1025, "not_preparing", Class::Resync),
            Self::RequestsClosed => (1030, "requests_closed", Class::Retry),
            Self::RequestExists => (1031, "request_exists", Class::Resync),
            Self::RequestNotFound => (1032, "request_not_found", Class::Resync),
            Self::QueueFull => (1033, "queue_full", Class::Retry),
            Self::Cooldown { .. } => (1034, "cooldown", Class::RetryAfter),
            Self::BadgesOff => (1040, "badges_off", Class::Fix),
            Self::RecipientNotSeated => (1041, "recipient_not_seated", Class::Resync),
            Self::SelfBadge => (1042, "self_badge", Class::Fix),
            Self::PurchaseExists => (1043, "purchase_exists", Class::Fix),
            Self::PurchaseNotFound => (1044, "purchase_not_found", Class::Fix),
            Self::PurchasesPending => (1045, "purchases_pending", Class::Retry),
            Self::StaleFence => (1050, "stale_fence", Class::Rejoin),
            Self::Duplicate { .. } => (1060, "duplicate", Class::Resync),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_say_what_the_variant_says() {
        let codes: BTreeSet<u16> = Rejection::every().iter().map(Rejection::code).collect();
        assert_eq!(codes.len(), Rejection::every().len());
        assert!(codes.iter().all(|code| (1000..1900).contains(code)));
        for rejection in Rejection::every() {
            let variant = format!("{rejection:?}");
            let variant = variant.split([' ', '{']).next().unwrap().to_lowercase();
            assert_eq!(rejection.name().replace('_', ""), variant);
        }
    }

    #[test]
    fn messages_are_lower_case_sentences_without_a_stop() {
        for rejection in Rejection::every() {
            let message = rejection.message();
            assert!(message.starts_with(char::is_alphanumeric) && !message.ends_with('.'));
            assert!(!message.starts_with(char::is_uppercase), "{message}");
        }
    }

    #[test]
    fn only_a_cooldown_knows_when_to_come_back() {
        for rejection in Rejection::every() {
            let known = rejection.class() == Class::RetryAfter;
            assert_eq!(rejection.retry_at().is_some(), known, "{rejection:?}");
        }
    }
}
