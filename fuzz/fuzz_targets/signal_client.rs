//! Any bytes, as a frame of a client.
//!
//! * What is read can be written and is read back as the same, whatever of it is of a later version.
//! * What is refused is refused with a place in the frame, an explanation of bounded length, and the number of a
//!   command only if it is one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use salon_fuzz::refusal;
use salon_signal::codec::{decode_client, encode};
use salon_signal::limits::Limits;

fuzz_target!(|bytes: &[u8]| {
    match decode_client(bytes) {
        Ok(frame) => {
            assert!(bytes.len() <= Limits::CLIENT.frame_bytes);
            let written = encode(&frame);
            // Fields that were left out are written as null, and then it may be too long.
            if written.len() <= Limits::CLIENT.frame_bytes {
                assert_eq!(decode_client(&written), Ok(frame));
            }
        }
        Err(error) => refusal::check(bytes, &error),
    }
});
