//! SRTP and SRTCP of a receiver, with AES in Galois counter mode alone (RFC 7714): media and reports opened, reports sealed.
//!
//! Written apart from the server's own, so that the one tests the other.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use dimpl::SrtpProfile;

const SALT_BYTES: usize = 12;
const INDEX_BYTES: usize = 4;
/// What precedes the encrypted part of a report: its first header and the sender's SSRC (RFC 3711, 3.4).
const REPORT_HEADER_BYTES: usize = 8;
/// The bit before the index that says that a report is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// The first of the labels of either purpose (RFC 3711, 4.3.2). Two further is that of the salt.
const MEDIA: u8 = 0;
const REPORTS: u8 = 3;

/// Why there are no keys.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum KeysError {
    #[error(
        "{0:?} protects the media, and light viewers know only AES-GCM: try --viewers-are full"
    )]
    Profile(SrtpProfile),
    #[error("keying material of {0} bytes has the wrong length")]
    Length(usize),
}

/// Which end of the handshake this one was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Client,
    Server,
}

/// Takes the keys of both directions out of what the handshake leaves (RFC 5764, 4.2).
pub(crate) fn keys(
    material: &[u8],
    profile: SrtpProfile,
    end: End,
) -> Result<(Opener, Sealer), KeysError> {
    let key_bytes = match profile {
        SrtpProfile::AEAD_AES_256_GCM => 32,
        SrtpProfile::AEAD_AES_128_GCM => 16,
        other => return Err(KeysError::Profile(other)),
    };
    let wrong = KeysError::Length(material.len());
    if material.len() != 2 * (key_bytes + SALT_BYTES) {
        return Err(wrong);
    }
    let (keys, salts) = material.split_at(2 * key_bytes);
    let half = |number: usize| Master {
        key: &keys[number * key_bytes..(number + 1) * key_bytes],
        salt: &salts[number * SALT_BYTES..(number + 1) * SALT_BYTES],
    };
    let (ours, theirs) = match end {
        End::Client => (half(0), half(1)),
        End::Server => (half(1), half(0)),
    };
    let made = || -> Result<_, Unspecified> {
        let opener = Opener { media: theirs.session(MEDIA)?, reports: theirs.session(REPORTS)? };
        Ok((opener, Sealer { reports: ours.session(REPORTS)?, index: 0 }))
    };
    made().map_err(|Unspecified| wrong)
}

/// The master key and salt of one direction.
struct Master<'a> {
    key: &'a [u8],
    salt: &'a [u8],
}

impl Master<'_> {
    fn session(&self, label: u8) -> Result<Session, Unspecified> {
        let mut key = [0; 32];
        let key = &mut key[..self.key.len()];
        let mut salt = [0; SALT_BYTES];
        self.derive(label, key)?;
        self.derive(label + 2, &mut salt)?;
        Session::new(key, salt)
    }

    /// The key stream of AES in counter mode from the salt, with the label in it (RFC 3711, 4.3.3).
    fn derive(&self, label: u8, out: &mut [u8]) -> Result<(), Unspecified> {
        // A salt of 12 bytes is continued with zeros (RFC 7714, 11).
        let mut start = [0; 16];
        start[..self.salt.len()].copy_from_slice(self.salt);
        start[7] ^= label;
        let algorithm = if self.key.len() == 32 { &AES_256 } else { &AES_128 };
        let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, self.key)?)?;
        out.fill(0);
        key.less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from(start)))?;
        Ok(())
    }
}

/// The key of one purpose in one direction.
#[derive(Debug)]
struct Session {
    key: LessSafeKey,
    salt: [u8; SALT_BYTES],
}

impl Session {
    fn new(key: &[u8], salt: [u8; SALT_BYTES]) -> Result<Self, Unspecified> {
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        Ok(Self { key: LessSafeKey::new(UnboundKey::new(algorithm, key)?), salt })
    }

    /// RFC 7714, 8.1 and 9.1: the SSRC, and 48 bits of a packet's index or 31 of a report's.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut bytes = [0; SALT_BYTES];
        bytes[2..6].copy_from_slice(&ssrc.to_be_bytes());
        bytes[6..].copy_from_slice(&index.to_be_bytes()[2..]);
        bytes.iter_mut().zip(self.salt).for_each(|(byte, salt)| *byte ^= salt);
        Nonce::assume_unique_for_key(bytes)
    }
}

/// Opens what the server sends.
#[derive(Debug)]
pub(crate) struct Opener {
    media: Session,
    reports: Session,
}

impl Opener {
    /// Opens a packet with a header of so many bytes, and answers its payload; `index` is the number with its roll-over.
    ///
    /// `None` if it was not sealed with this key and index. It is useless then.
    pub(crate) fn open_media<'a>(
        &self,
        ssrc: u32,
        index: u64,
        header_bytes: usize,
        packet: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        let (header, sealed) = packet.split_at_mut_checked(header_bytes)?;
        let nonce = self.media.nonce(ssrc, index);
        self.media.key.open_in_place(nonce, Aad::from(header), sealed).ok()
    }

    /// Opens a compound of reports.
    pub(crate) fn open_report<'a>(&self, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        let end = packet.len().checked_sub(INDEX_BYTES)?;
        let trailer: [u8; INDEX_BYTES] = packet[end..].try_into().ok()?;
        let header: [u8; REPORT_HEADER_BYTES] = *packet[..end].first_chunk()?;
        let word = u32::from_be_bytes(trailer);
        let ssrc = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        if word & ENCRYPTED == 0 {
            return None;
        }
        let nonce = self.reports.nonce(ssrc, u64::from(word & !ENCRYPTED));
        let aad = Aad::from(report_aad(header, word));
        let text = &mut packet[REPORT_HEADER_BYTES..end];
        let length = self.reports.key.open_in_place(nonce, aad, text).ok()?.len();
        Some(&packet[..REPORT_HEADER_BYTES + length])
    }
}

/// Seals what is reported to the server.
#[derive(Debug)]
pub(crate) struct Sealer {
    reports: Session,
    // Invariant: never used twice. At one report a second it lasts for 68 years.
    index: u32,
}

impl Sealer {
    /// Seals a compound of reports of at least eight bytes.
    pub(crate) fn seal_report(&mut self, packet: &mut Vec<u8>) -> Result<(), Unspecified> {
        let header: [u8; REPORT_HEADER_BYTES] = *packet.first_chunk().ok_or(Unspecified)?;
        let ssrc = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let index = self.index;
        if index >= ENCRYPTED {
            return Err(Unspecified);
        }
        self.index += 1;
        let word = index | ENCRYPTED;
        let nonce = self.reports.nonce(ssrc, u64::from(index));
        let aad = Aad::from(report_aad(header, word));
        let text = &mut packet[REPORT_HEADER_BYTES..];
        let tag = self.reports.key.seal_in_place_separate_tag(nonce, aad, text)?;
        packet.extend(tag.as_ref());
        packet.extend(word.to_be_bytes());
        Ok(())
    }
}

/// What is authenticated of a report beside its text: the first header and the index (RFC 7714, 9.2).
fn report_aad(header: [u8; REPORT_HEADER_BYTES], word: u32) -> [u8; REPORT_HEADER_BYTES + 4] {
    let mut aad = [0; REPORT_HEADER_BYTES + INDEX_BYTES];
    aad[..REPORT_HEADER_BYTES].copy_from_slice(&header);
    aad[REPORT_HEADER_BYTES..].copy_from_slice(&word.to_be_bytes());
    aad
}

#[cfg(test)]
impl Opener {
    /// Both directions of one key, for those who need something to open.
    pub(crate) fn for_test() -> Self {
        let session = || Session::new(&[7; 16], [9; SALT_BYTES]).unwrap();
        Self { media: session(), reports: session() }
    }

    /// A packet with a plain header, as the other side would send it.
    pub(crate) fn seal_for_test(&self, ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, 96];
        packet.extend((index as u16).to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(ssrc.to_be_bytes());
        let (nonce, mut sealed) = (self.media.nonce(ssrc, index), payload.to_vec());
        let aad = Aad::from(packet.clone());
        self.media.key.seal_in_place_append_tag(nonce, aad, &mut sealed).unwrap();
        packet.extend(sealed);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(byte).collect()
    }

    /// The session keys of RFC 7714, 16 and 17.
    fn session(key_bytes: usize) -> Session {
        let key: Vec<u8> = (0..32).collect();
        let salt = hex("51756964 2070726f 2071756f").try_into().unwrap();
        Session::new(&key[..key_bytes], salt).unwrap()
    }

    fn opener(key_bytes: usize) -> Opener {
        Opener { media: session(key_bytes), reports: session(key_bytes) }
    }

    #[track_caller]
    fn check_media(key_bytes: usize, sealed: &str) {
        let plain = hex("47616c6c 69612065 7374206f 6d6e6973 20646976
            69736120 696e2070 61727465 73207472 6573");
        let sealed = hex(sealed);
        let opener = opener(key_bytes);
        let opened = |index, packet: &[u8]| {
            let mut packet = packet.to_vec();
            opener.open_media(0x5501_a0b2, index, 12, &mut packet).map(|payload| payload.to_vec())
        };
        assert_eq!(opened(0xf17b, &sealed), Some(plain));
        assert_eq!(opened(0x1_f17b, &sealed), None);
        for at in 0..sealed.len() {
            let mut spoilt = sealed.clone();
            spoilt[at] ^= 1;
            assert_eq!(opened(0xf17b, &spoilt), None, "byte {at}");
            assert_eq!(opened(0xf17b, &sealed[..at]), None, "{at} bytes");
        }
    }

    #[test]
    fn media_is_opened_as_in_rfc_7714_16() {
        check_media(
            16,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f
             42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        );
        check_media(
            32,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3
             b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        );
    }

    #[track_caller]
    fn check_report(key_bytes: usize, sealed: &str) {
        let plain = hex("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
            deadbeef deadbeef deadbeef deadbeef deadbeef");
        let sealed = hex(sealed);
        assert_eq!(opener(key_bytes).open_report(&mut sealed.clone()), Some(&plain[..]));
        let mut sealer = Sealer { reports: session(key_bytes), index: 0x5d4 };
        let mut packet = plain;
        sealer.seal_report(&mut packet).unwrap();
        assert_eq!(packet, sealed);
        for length in 0..sealed.len() {
            assert!(opener(key_bytes).open_report(&mut sealed[..length].to_vec()).is_none());
        }
    }

    #[test]
    fn reports_are_those_of_rfc_7714_17() {
        check_report(
            16,
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1
             730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        );
        check_report(
            32,
            "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1
             110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        );
    }

    #[track_caller]
    fn check_key(key: &str, salt: &str, label: u8, expected: &str) {
        let (key, salt, expected) = (hex(key), hex(salt), hex(expected));
        let mut out = vec![0; expected.len()];
        Master { key: &key, salt: &salt }.derive(label, &mut out).unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn keys_are_those_of_rfc_3711_b_3_and_rfc_6188_7_2() {
        let (key, salt) = ("E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6");
        check_key(key, salt, 0, "C61E7A93744F39EE10734AFE3FF7A087");
        check_key(key, salt, 2, "30CBBC08863D8C85D49DB34A9AE1");
        let key = "F0F04914B513F2763A1B1FA130F10E2998F6F6E43E4309D1E622A0E332B9F1B6";
        let salt = "3B04803DE51EE7C96423AB5B78D2";
        check_key(key, salt, 0, "5BA1064E30EC51613CAD926C5A28EF731EC7FB397F70A960653CAF06554CD8C4");
    }

    #[test]
    fn what_one_end_seals_the_other_opens() {
        let material: Vec<u8> = (0..88).collect();
        let profile = SrtpProfile::AEAD_AES_256_GCM;
        let (_, mut sealer) = keys(&material, profile, End::Client).unwrap();
        let (opener, _) = keys(&material, profile, End::Server).unwrap();
        let (wrong, _) = keys(&material, profile, End::Client).unwrap();
        let mut packet = hex("80c90001 00000007");
        sealer.seal_report(&mut packet).unwrap();
        assert!(wrong.open_report(&mut packet.clone()).is_none());
        assert_eq!(opener.open_report(&mut packet), Some(&hex("80c90001 00000007")[..]));
    }

    #[test]
    fn other_protection_is_refused() {
        let other = SrtpProfile::AES128_CM_SHA1_80;
        assert_eq!(keys(&[0; 60], other, End::Client).unwrap_err(), KeysError::Profile(other));
        let short = keys(&[0; 87], SrtpProfile::AEAD_AES_256_GCM, End::Client);
        assert_eq!(short.unwrap_err(), KeysError::Length(87));
    }
}
