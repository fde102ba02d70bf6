//! The hash of a certificate, which ties a DTLS peer to its offer (RFC 8122).

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, Algorithm, SHA256, SHA384, SHA512};

/// The hash of a certificate by an algorithm that is strong enough today: those with SHA-1 are none.
#[derive(Clone)]
pub(crate) struct Fingerprint {
    algorithm: &'static Algorithm,
    hash: Vec<u8>,
}

impl Fingerprint {
    /// Reads an algorithm and pairs of hexadecimal digits with colons between.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, digits) = text.trim().split_once(' ')?;
        let algorithm = match name.to_ascii_lowercase().as_str() {
            "sha-256" => &SHA256,
            "sha-384" => &SHA384,
            "sha-512" => &SHA512,
            _ => return None,
        };
        let byte = |pair: &str| {
            let is_hex = pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_hex { u8::from_str_radix(pair, 16).ok() } else { None }
        };
        let hash: Vec<u8> = digits.split(':').map(byte).collect::<Option<_>>()?;
        (hash.len() == algorithm.output_len()).then_some(Self { algorithm, hash })
    }

    /// The fingerprint of our own certificate.
    pub(crate) fn of(certificate: &[u8]) -> Self {
        Self { algorithm: &SHA256, hash: digest::digest(&SHA256, certificate).as_ref().to_vec() }
    }

    /// True if a certificate has this fingerprint.
    pub(crate) fn matches(&self, certificate: &[u8]) -> bool {
        let hash = digest::digest(self.algorithm, certificate);
        verify_slices_are_equal(hash.as_ref(), &self.hash).is_ok()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.hash.len() {
            32 => "sha-256",
            48 => "sha-384",
            _ => "sha-512",
        })?;
        for (number, byte) in self.hash.iter().enumerate() {
            let before = if number == 0 { ' ' } else { ':' };
            write!(f, "{before}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_certificate_matches_its_own_fingerprint_alone() {
        let fingerprint = Fingerprint::of(b"certificate");
        assert!(fingerprint.matches(b"certificate"));
        assert!(!fingerprint.matches(b"certificatf"));
        let text = fingerprint.to_string();
        assert!(Fingerprint::parse(&text.to_lowercase()).unwrap().matches(b"certificate"));
        for wrong in ["", "sha-256", "sha-1 00", "sha-256 00", &text[..text.len() - 1], &text[8..]]
        {
            assert!(Fingerprint::parse(wrong).is_none(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String, digits in "[0-9a-fg:é]{0,100}") {
            let _ = Fingerprint::parse(&text);
            let _ = Fingerprint::parse(&format!("sha-256 {digits}"));
        }
    }
}
