//! One key for one purpose, and what it does to a packet.

use aws_lc_rs::aead::{self, AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use super::{INDEX_BYTES, REPORT_HEADER_BYTES};

const GCM_TAG_BYTES: usize = 16;
/// Of the twenty bytes of an HMAC, ten are sent.
const SHA1_TAG_BYTES: usize = 10;

/// What makes a packet's key stream its own, before the salt is mixed in.
///
/// Sixteen bytes as counter mode has them (RFC 3711, 4.1.1); GCM takes twelve (RFC 7714, 8.1 and 9.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Nonce {
    ssrc: u32,
    index: u64,
}

impl Nonce {
    pub(super) const fn new(ssrc: u32, index: u64) -> Self {
        Self { ssrc, index }
    }

    fn gcm(self, salt: &[u8; 12]) -> aead::Nonce {
        let mut bytes = [0; 12];
        bytes[2..6].copy_from_slice(&self.ssrc.to_be_bytes());
        // 48 bits of a media packet, 31 of a report: both end with the nonce.
        bytes[6..].copy_from_slice(&self.index.to_be_bytes()[2..]);
        mix(&mut bytes, salt);
        aead::Nonce::assume_unique_for_key(bytes)
    }

    fn cm(self, salt: &[u8; 14]) -> EncryptionContext {
        let mut bytes = [0; 16];
        bytes[4..8].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes[8..14].copy_from_slice(&self.index.to_be_bytes()[2..]);
        mix(&mut bytes[..14], salt);
        EncryptionContext::Iv128(FixedLength::from(bytes))
    }
}

fn mix(bytes: &mut [u8], salt: &[u8]) {
    for (byte, salt) in bytes.iter_mut().zip(salt) {
        *byte ^= salt;
    }
}

/// One key for one purpose.
#[derive(Debug)]
pub(super) enum Cipher {
    Gcm { key: LessSafeKey, salt: [u8; 12] },
    // Few have it, and it would make the other one as large.
    Cm(Box<CounterMode>),
}

/// The keys of a cipher that does not authenticate by itself.
#[derive(Debug)]
pub(super) struct CounterMode {
    key: EncryptingKey,
    auth: hmac::Key,
    salt: [u8; 14],
}

impl Cipher {
    pub(super) fn gcm(key: &[u8], salt: [u8; 12]) -> Result<Self, Unspecified> {
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        Ok(Self::Gcm { key: LessSafeKey::new(UnboundKey::new(algorithm, key)?), salt })
    }

    pub(super) fn cm(key: &[u8], auth: &[u8], salt: [u8; 14]) -> Result<Self, Unspecified> {
        Ok(Self::Cm(Box::new(CounterMode {
            key: EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, key)?)?,
            auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth),
            salt,
        })))
    }

    pub(super) const fn tag_bytes(&self) -> usize {
        match self {
            Self::Gcm { .. } => GCM_TAG_BYTES,
            Self::Cm(_) => SHA1_TAG_BYTES,
        }
    }

    /// Writes the parts of a media packet, and its tag, into `out`, which is as long as all of them.
    pub(super) fn seal(
        &self,
        nonce: Nonce,
        header: &[u8],
        parts @ [head, body, tail]: [&[u8]; 3],
        out: &mut [u8],
        roll_over: u32,
    ) -> Result<(), Unspecified> {
        match self {
            Self::Gcm { key, salt } => {
                let (nonce, aad) = (nonce.gcm(salt), Aad::from(header));
                if head.is_empty() {
                    let (sealed, rest) = out.split_at_mut(body.len());
                    return key.seal_out_of_place_scatter(nonce, aad, body, sealed, tail, rest);
                }
                // The few bytes of this viewer's own are copied, the shared ones are not.
                if tail.is_empty() {
                    let (sealed, rest) = out.split_at_mut(head.len());
                    sealed.copy_from_slice(head);
                    return key.seal_in_place_scatter(nonce, aad, sealed, body, rest);
                }
                let (sealed, tag) = gather(parts, out);
                let made = key.seal_in_place_separate_tag(nonce, aad, sealed)?;
                tag.copy_from_slice(made.as_ref());
                Ok(())
            }
            Self::Cm(cm) => {
                let CounterMode { key, auth, salt } = &**cm;
                let (sealed, tag) = gather(parts, out);
                key.less_safe_encrypt(sealed, nonce.cm(salt))?;
                tag.copy_from_slice(&tag_of(auth, [header, sealed, &roll_over.to_be_bytes()]));
                Ok(())
            }
        }
    }

    /// Seals a report of `length` bytes in place, and returns how long it is then.
    pub(super) fn seal_report(
        &self,
        nonce: Nonce,
        packet: &mut [u8],
        length: usize,
        trailer: u32,
    ) -> Result<usize, Unspecified> {
        let total = length + self.tag_bytes() + INDEX_BYTES;
        let packet = packet.get_mut(..total).ok_or(Unspecified)?;
        match self {
            Self::Gcm { key, salt } => {
                let aad = report_aad(packet, trailer);
                let (text, rest) = packet.split_at_mut(length);
                let text = &mut text[REPORT_HEADER_BYTES..];
                let tag = key.seal_in_place_separate_tag(nonce.gcm(salt), Aad::from(aad), text)?;
                rest[..GCM_TAG_BYTES].copy_from_slice(tag.as_ref());
                rest[GCM_TAG_BYTES..].copy_from_slice(&trailer.to_be_bytes());
            }
            Self::Cm(cm) => {
                let CounterMode { key, auth, salt } = &**cm;
                key.less_safe_encrypt(&mut packet[REPORT_HEADER_BYTES..length], nonce.cm(salt))?;
                packet[length..length + INDEX_BYTES].copy_from_slice(&trailer.to_be_bytes());
                let (signed, tag) = packet.split_at_mut(length + INDEX_BYTES);
                tag.copy_from_slice(&tag_of(auth, [signed, &[], &[]]));
            }
        }
        Ok(total)
    }

    /// The encryption bit and the index behind a sealed report, which is long enough to have them.
    pub(super) fn trailer(&self, packet: &[u8]) -> u32 {
        let end = match self {
            Self::Gcm { .. } => packet.len(),
            Self::Cm(_) => packet.len() - SHA1_TAG_BYTES,
        };
        let bytes = &packet[end - INDEX_BYTES..end];
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    /// Opens a report in place, and returns how long it is then.
    pub(super) fn open_report(
        &self,
        nonce: Nonce,
        packet: &mut [u8],
        trailer: u32,
    ) -> Result<usize, Unspecified> {
        let length = packet.len() - INDEX_BYTES - self.tag_bytes();
        match self {
            Self::Gcm { key, salt } => {
                let aad = report_aad(packet, trailer);
                let end = length + GCM_TAG_BYTES;
                let sealed = &mut packet[REPORT_HEADER_BYTES..end];
                key.open_in_place(nonce.gcm(salt), Aad::from(aad), sealed)?;
            }
            Self::Cm(cm) => {
                let CounterMode { key, auth, salt } = &**cm;
                let (signed, tag) = packet.split_at(length + INDEX_BYTES);
                verify_slices_are_equal(&tag_of(auth, [signed, &[], &[]]), tag)?;
                key.less_safe_encrypt(&mut packet[REPORT_HEADER_BYTES..length], nonce.cm(salt))?;
            }
        }
        Ok(length)
    }
}

/// Copies parts to the beginning of `out`. Returns them there, and the rest.
fn gather<'a>(parts: [&[u8]; 3], out: &'a mut [u8]) -> (&'a mut [u8], &'a mut [u8]) {
    let mut end = 0;
    for part in parts {
        out[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    out.split_at_mut(end)
}

/// What GCM authenticates of a report beside its text: the first header and the index (RFC 7714, 9.2).
fn report_aad(packet: &[u8], trailer: u32) -> [u8; REPORT_HEADER_BYTES + INDEX_BYTES] {
    let mut aad = [0; REPORT_HEADER_BYTES + INDEX_BYTES];
    aad[..REPORT_HEADER_BYTES].copy_from_slice(&packet[..REPORT_HEADER_BYTES]);
    aad[REPORT_HEADER_BYTES..].copy_from_slice(&trailer.to_be_bytes());
    aad
}

fn tag_of(auth: &hmac::Key, parts: [&[u8]; 3]) -> [u8; SHA1_TAG_BYTES] {
    let mut context = hmac::Context::with_key(auth);
    for part in parts {
        context.update(part);
    }
    let mut tag = [0; SHA1_TAG_BYTES];
    tag.copy_from_slice(&context.sign().as_ref()[..SHA1_TAG_BYTES]);
    tag
}
