//! Any bytes, as frames of a server, one on a line, for a client that shows them.
//!
//! * What is read can be written and is read back as the same, whatever of it is of a later version.
//! * What is refused is refused with a place in the frame and an explanation of bounded length.
//! * A view that cannot apply a frame is unchanged; an event that it has applied is then a duplicate.

#![no_main]

use libfuzzer_sys::fuzz_target;
use salon_fuzz::refusal;
use salon_signal::RoomView;
use salon_signal::codec::{decode_server, encode};
use salon_signal::limits::Limits;
use salon_signal::server::Frame;
use salon_signal::view::Applied;

fuzz_target!(|bytes: &[u8]| {
    let mut view = RoomView::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        match decode_server(line) {
            Ok(frame) => {
                let written = encode(&frame);
                // Fields that were left out are written as null, and then it may be too long.
                if written.len() <= Limits::SERVER.frame_bytes {
                    assert_eq!(decode_server(&written).as_ref(), Ok(&frame));
                }
                apply(&mut view, frame);
            }
            Err(error) => refusal::check(line, &error),
        }
    }
});

fn apply(view: &mut RoomView, frame: Frame) {
    let before = view.clone();
    match view.apply(frame.clone()) {
        Ok(_) if matches!(frame, Frame::Event { .. }) => {
            let after = view.clone();
            assert_eq!(view.apply(frame), Ok(Applied::Duplicate));
            assert_eq!(*view, after);
        }
        Ok(_) => {}
        Err(_) => assert_eq!(*view, before),
    }
}
