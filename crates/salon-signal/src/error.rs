//! What goes wrong, by number and by name, and what to do about it.
//!
//! Numbers never change meaning. 2000 to 2099 are the protocol's own and listed here; the room's and the
//! ledger's arrive with their name and class beside the number, so a client needs no table of them.

use serde::{Deserialize, Serialize};

/// What the client should do about an error. Closed within a protocol version: an old client always understands it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Ask for something else: the same again will fail again.
    Fix,
    /// Ask again.
    Retry,
    /// Ask again after the time given.
    RetryAfter,
    /// Get a new token, then ask again.
    Reauth,
    /// Get a snapshot, then ask again.
    Resync,
    /// Connect afresh, then ask again.
    Rejoin,
    /// Stop asking: it is over.
    Gone,
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $code:ident = $number:literal $name:literal $class:ident ),* $(,)?) => {
        /// An error of the protocol itself.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Code {
            $( $(#[$doc])* $code = $number, )*
        }

        impl Code {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$( Self::$code ),*];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$code => $name, )*
                }
            }

            /// What the client should do.
            #[must_use]
            pub const fn class(self) -> Class {
                match self {
                    $( Self::$code => Class::$class, )*
                }
            }
        }
    };
}

codes! {
    /// A frame, or a command, is not as the protocol has it.
    Malformed = 2000 "malformed" Fix,
    /// A command the server does not know.
    UnknownCommand = 2001 "unknown_command" Fix,
    /// A frame is larger than the server reads.
    FrameTooLarge = 2002 "frame_too_large" Fix,
    /// A frame of a kind the server does not know.
    UnknownFrame = 2003 "unknown_frame" Fix,
    /// There is nothing at this address.
    NotFound = 2004 "not_found" Fix,
    /// The server speaks none of the versions offered.
    UnsupportedVersion = 2010 "unsupported_version" Gone,
    /// The first frame was not `hello`, or a later one was.
    HelloExpected = 2011 "hello_expected" Fix,
    /// The token is not one of this service.
    Unauthenticated = 2020 "unauthenticated" Reauth,
    /// The token was good once.
    TokenExpired = 2021 "token_expired" Reauth,
    /// The room was not subscribed to.
    NotSubscribed = 2030 "not_subscribed" Fix,
    /// There is no such room.
    RoomNotFound = 2031 "room_not_found" Gone,
    /// Too many in a short time.
    RateLimited = 2040 "rate_limited" RetryAfter,
    /// The server is short of something and takes nothing new.
    Overloaded = 2041 "overloaded" RetryAfter,
    /// What would do the work has a full queue.
    Busy = 2042 "busy" Retry,
    /// The server failed; its log says how.
    Internal = 2050 "internal" Retry,
    /// The payment could not be begun.
    PaymentFailed = 2060 "payment_failed" Fix,
    /// The media offer cannot be answered.
    OfferRefused = 2070 "offer_refused" Fix,
}

impl Code {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code of a number, if this version knows it.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

/// What a client does when a connection ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Connect again, from the positions held.
    Resume,
    /// Connect again, from a snapshot.
    Reconnect,
    /// Get a new token, then connect again.
    Reauth,
    /// Do not connect again.
    Leave,
}

/// Why the server closed a WebSocket. What to do follows from the range, so an old client understands new codes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The server is going down, and will be back.
    pub const RESTARTING: Self = Self(4000);
    /// The client did not read what it was sent in time.
    pub const TOO_SLOW: Self = Self(4001);
    /// Nothing was heard from the client for too long.
    pub const SILENT: Self = Self(4002);
    /// The server failed.
    pub const INTERNAL: Self = Self(4200);
    /// The client's positions are of no use.
    pub const OUT_OF_SYNC: Self = Self(4201);
    /// The token is not one of this service.
    pub const UNAUTHENTICATED: Self = Self(4400);
    /// The token was good once.
    pub const TOKEN_EXPIRED: Self = Self(4401);
    /// The person was removed.
    pub const REMOVED: Self = Self(4600);
    /// The live is over.
    pub const ENDED: Self = Self(4601);
    /// The same person connected elsewhere.
    pub const REPLACED: Self = Self(4602);
    /// There is no such room for this person.
    pub const NOT_AVAILABLE: Self = Self(4603);
    /// No protocol version in common.
    pub const VERSION: Self = Self(4604);
    /// The client breaks the protocol.
    pub const BROKE_PROTOCOL: Self = Self(4605);

    /// What the client does. Codes outside the protocol's ranges come from the network: resume.
    #[must_use]
    pub const fn action(self) -> Action {
        match self.0 {
            4200..=4399 => Action::Reconnect,
            4400..=4599 => Action::Reauth,
            4600..=4999 => Action::Leave,
            _ => Action::Resume,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_in_the_protocols_range() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number());
        }
        for code in Code::ALL {
            assert!((2000..2100).contains(&code.number()));
            assert_eq!(Code::from_number(code.number()), Some(*code));
            let same_name = Code::ALL.iter().filter(|other| other.name() == code.name());
            assert_eq!(same_name.count(), 1, "{}", code.name());
        }
        assert_eq!(Code::from_number(2099), None);
    }

    #[test]
    fn ranges_of_close_codes_say_what_to_do() {
        let check = |code, action| assert_eq!(CloseCode(code).action(), action, "{code}");
        check(1006, Action::Resume);
        check(4000, Action::Resume);
        check(4199, Action::Resume);
        check(4200, Action::Reconnect);
        check(4399, Action::Reconnect);
        check(4400, Action::Reauth);
        check(4599, Action::Reauth);
        check(4600, Action::Leave);
        check(4999, Action::Leave);
        check(5000, Action::Resume);
    }
}
