//! Any text, as the offer of a viewer.
//!
//! * Four sections of each medium at most carry media, and no candidate is left; preparing an offer that is prepared
//!   changes nothing.
//! * The answer has a section for each of the offer, of the same kind and name and in the same order (RFC 3264, 6), and
//!   whatever of the offer it repeats is printable.
//! * Every stream of the answer has an SSRC of its own.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use salon_fuzz::sdp;
use salon_rtc::fuzzing::{Answerer, prepare_watch};
use salon_rtc::media::OFFER_BYTES_MAX;

static ANSWERER: LazyLock<Answerer> =
    LazyLock::new(|| Answerer::new().expect("a certificate can be made"));

fuzz_target!(|bytes: &[u8]| {
    let Ok(offer) = std::str::from_utf8(bytes) else { return };
    if offer.len() > OFFER_BYTES_MAX {
        return;
    }
    let answer = ANSWERER.watch(offer);
    let Ok((prepared, mids)) = prepare_watch(offer) else {
        assert!(answer.is_err());
        return;
    };
    assert!((1..=8).contains(&mids.len()));
    assert!(!prepared.contains("\na=candidate:"));
    assert_eq!(prepare_watch(&prepared), Ok((prepared, mids)));
    if let Ok(answer) = answer {
        sdp::check_answer(offer, &answer);
        sdp::check_printable(&answer);
        sdp::check_streams(&answer);
    }
});
