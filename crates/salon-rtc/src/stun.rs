//! The one thing read of a STUN message before it has a session: whom it is for.

/// The type of a binding request (RFC 8489, 5): the only message that can begin anything here.
const BINDING_REQUEST: u16 = 0x0001;
const MAGIC_COOKIE: u32 = 0x2112_a442;
const HEADER_BYTES: usize = 20;
const USERNAME: u16 = 0x0006;

/// The receiver's half of the USERNAME of a binding request: the user-name fragment of our answer.
///
/// Nothing is authenticated here: the session that owns the fragment checks the message.
pub(crate) fn binding_request_for(datagram: &[u8]) -> Option<&str> {
    let (header, mut attributes) = datagram.split_at_checked(HEADER_BYTES)?;
    let is_binding_request = u16_at(header, 0)? == BINDING_REQUEST;
    let is_stun = u32::from_be_bytes(header[4..8].try_into().ok()?) == MAGIC_COOKIE;
    if !is_binding_request || !is_stun {
        return None;
    }
    while let (Some(kind), Some(length)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        let length = usize::from(length);
        let value = attributes.get(4..4 + length)?;
        if kind == USERNAME {
            // RFC 8445, 7.2.2: the fragment of the receiver, a colon, that of the sender.
            let (receiver, _sender) = std::str::from_utf8(value).ok()?.split_once(':')?;
            return Some(receiver);
        }
        // Values are padded to a multiple of four bytes.
        attributes = attributes.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

/// Whether a datagram is DTLS (RFC 7983, 7).
pub(crate) const fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram, [20..=63, ..])
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..offset + 2)?.try_into().ok().map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend(kind.to_be_bytes());
            body.extend((value.len() as u16).to_be_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut datagram = Vec::new();
        datagram.extend(BINDING_REQUEST.to_be_bytes());
        datagram.extend((body.len() as u16).to_be_bytes());
        datagram.extend(MAGIC_COOKIE.to_be_bytes());
        datagram.extend([7; 12]);
        datagram.extend(body);
        datagram
    }

    #[test]
    fn the_receivers_fragment_is_found_behind_other_attributes() {
        let datagram = request(&[(0x8022, b"agent"), (USERNAME, b"ours:theirs")]);
        assert_eq!(binding_request_for(&datagram), Some("ours"));
    }

    #[test]
    fn every_truncation_names_nobody() {
        let datagram = request(&[(0x8022, b"agent"), (USERNAME, b"ours:theirs")]);
        // The last byte is padding behind the user name.
        for length in 0..datagram.len() - 1 {
            assert_eq!(binding_request_for(&datagram[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn other_messages_name_nobody() {
        let mut response = request(&[(USERNAME, b"ours:theirs")]);
        response[0] = 1;
        assert_eq!(binding_request_for(&response), None);
        assert_eq!(binding_request_for(&request(&[(USERNAME, b"no colon")])), None);
        assert_eq!(binding_request_for(&request(&[(USERNAME, b"\xff:theirs")])), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_harmless(bytes: Vec<u8>, tail: Vec<u8>) {
            binding_request_for(&bytes);
            let mut datagram = request(&[]);
            datagram.extend(tail);
            binding_request_for(&datagram);
        }
    }
}
