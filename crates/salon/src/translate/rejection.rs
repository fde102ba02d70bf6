//! Refusals, as a client reads them.

use salon_core::Time;
use salon_room::Rejection;
use salon_room::rejection::Class;
use salon_signal::error::{Class as WireClass, Code};
use salon_signal::server::Rejected;

/// What a room refused, seen at `now`.
pub(crate) fn rejected(rejection: &Rejection, now: Time) -> Rejected {
    let wait = |until: Time| u64::try_from(until.since(now).as_millis()).unwrap_or(u64::MAX);
    Rejected {
        code: rejection.code(),
        name: rejection.name().to_owned(),
        class: class(rejection.class()),
        retry_after_ms: rejection.retry_at().map(wait),
        message: rejection.message(),
    }
}

/// A refusal of the service itself.
pub(crate) fn refused(code: Code, message: &str) -> Rejected {
    Rejected::new(code, message)
}

/// There is no such room.
pub(crate) fn not_found() -> Rejected {
    refused(Code::RoomNotFound, "there is no such room")
}

/// Something failed that is not the client's business; the log has the details.
pub(crate) fn internal() -> Rejected {
    refused(Code::Internal, "the service could not do this; try again")
}

fn class(class: Class) -> WireClass {
    match class {
        Class::Fix => WireClass::Fix,
        Class::Retry => WireClass::Retry,
        Class::RetryAfter => WireClass::RetryAfter,
        Class::Reauth => WireClass::Reauth,
        Class::Resync => WireClass::Resync,
        Class::Rejoin => WireClass::Rejoin,
        Class::Gone => WireClass::Gone,
    }
}
