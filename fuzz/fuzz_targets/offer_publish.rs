//! Any text, as the offer of a publisher.
//!
//! * One section of each medium at most carries media, and no candidate is left; preparing an offer that is prepared
//!   changes nothing.
//! * The answer has a section for each of the offer, of the same kind and name and in the same order (RFC 3264, 6), with
//!   nothing in it that could begin a line of its own.
//!
//! The answer is the peer connection's, and repeats the names of media streams as the offer has them, printable or not;
//! it goes to whoever made the offer.
//!
//! The peer connection that accepts offers is not ours. It is known to panic on some of them, and such an offer is
//! refused (`salon-rtc/src/peer.rs`); so here its panics count for nothing, and those of anybody else end the run.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use salon_fuzz::{panics, sdp};
use salon_rtc::fuzzing::{Answerer, prepare_publish};
use salon_rtc::media::OFFER_BYTES_MAX;

static ANSWERER: LazyLock<Answerer> = LazyLock::new(|| {
    panics::excuse("/str0m-");
    Answerer::new().expect("a certificate can be made")
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(offer) = std::str::from_utf8(bytes) else { return };
    if offer.len() > OFFER_BYTES_MAX {
        return;
    }
    let answer = ANSWERER.publish(offer);
    let Ok((prepared, mids)) = prepare_publish(offer) else {
        assert!(answer.is_err());
        return;
    };
    assert!((1..=2).contains(&mids.len()));
    assert!(!prepared.contains("\na=candidate:"));
    assert_eq!(prepare_publish(&prepared), Ok((prepared, mids)));
    if let Ok(answer) = answer {
        sdp::check_answer(offer, &answer);
    }
});
