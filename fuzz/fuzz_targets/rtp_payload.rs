//! Any payloads of any codec, forwarded by a fan-out while sources, slots and layers change.
//!
//! * The fan-out keeps its invariants after every step.
//! * What a receiver gets can be parsed as what was sent, and apart from picture numbers it is what was sent.
//! * No number of a slot is used for two packets, and a packet sent again is the same packet.

#![no_main]

use libfuzzer_sys::fuzz_target;
use salon_fuzz::script::Script;
use salon_fuzz::stage::Stage;

fuzz_target!(|bytes: &[u8]| {
    let script = Script::new(bytes);
    let mut stage = Stage::new(script.codec);
    script.for_each(|step| stage.step(step));
});
