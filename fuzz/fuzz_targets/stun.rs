//! Any datagram, as the beginning of a session: whom does it name?
//!
//! * The name is a piece of the datagram, without the colon that ends it.
//! * Whatever the ICE agent takes for a binding request to somebody is one to the same somebody here: it would
//!   otherwise never reach its session, or reach another's. Of several names the agent takes the last, and here the first
//!   counts, as RFC 8489, 14 has it: such a datagram is nobody's, and may differ.

#![no_main]

use is::stun::StunMessage;
use libfuzzer_sys::fuzz_target;
use salon_rtc::fuzzing::binding_request_for;

fuzz_target!(|datagram: &[u8]| {
    let name = binding_request_for(datagram);
    if let Some(name) = name {
        assert!(datagram.as_ptr_range().contains(&name.as_ptr()) || name.is_empty());
        assert!(datagram.len() >= 20 + 4 + name.len() + ":".len());
        assert!(!name.contains(':'));
    }
    // RFC 7983, 7: nothing else is ever handed to the agent, which does not look at the upper two bits itself.
    if matches!(datagram, [0..=3, ..])
        && let Ok(message) = StunMessage::parse(datagram)
        && message.is_binding_request()
        && let Some((receiver, _sender)) = message.split_username()
    {
        assert!(name == Some(receiver) || usernames(datagram) > 1, "{name:?} is not {receiver:?}");
    }
});

/// How many names a message has whose attributes fill it.
fn usernames(message: &[u8]) -> usize {
    let mut attributes = message.get(20..).unwrap_or_default();
    let mut count = 0;
    while let [kind_high, kind_low, length_high, length_low, rest @ ..] = attributes {
        count += usize::from([*kind_high, *kind_low] == [0, 6]);
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        attributes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    count
}
