//! From what the handshake leaves to the keys of each purpose (RFC 5764, 4.2; RFC 3711, 4.3; RFC 7714, 11 and 12).

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;

use super::cipher::Cipher;

/// How media is protected, the best first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Profile {
    Aes256Gcm,
    Aes128Gcm,
    Aes128CmSha1,
}

impl Profile {
    const fn key_bytes(self) -> usize {
        match self {
            Self::Aes256Gcm => 32,
            Self::Aes128Gcm | Self::Aes128CmSha1 => 16,
        }
    }

    const fn salt_bytes(self) -> usize {
        match self {
            Self::Aes256Gcm | Self::Aes128Gcm => 12,
            Self::Aes128CmSha1 => SALT_BYTES_MAX,
        }
    }
}

const SALT_BYTES_MAX: usize = 14;
const AUTH_KEY_BYTES: usize = 20;

/// What a key is for; the number is the first of its three labels (RFC 3711, 4.3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    Media = 0,
    Reports = 3,
}

/// The master key and salt of one direction.
pub(crate) struct MasterKeys<'a> {
    profile: Profile,
    key: &'a [u8],
    salt: &'a [u8],
}

impl<'a> MasterKeys<'a> {
    /// Splits the handshake's keying material: the client's half and the server's. `None` if it has another length.
    pub(crate) fn split(profile: Profile, material: &'a [u8]) -> Option<(Self, Self)> {
        let (key, salt) = (profile.key_bytes(), profile.salt_bytes());
        if material.len() != 2 * (key + salt) {
            return None;
        }
        let (keys, salts) = material.split_at(2 * key);
        let half = |number: usize| Self {
            profile,
            key: &keys[number * key..(number + 1) * key],
            salt: &salts[number * salt..(number + 1) * salt],
        };
        Some((half(0), half(1)))
    }

    pub(super) fn cipher(&self, purpose: Purpose) -> Result<Cipher, Unspecified> {
        let first = purpose as u8;
        let mut key = [0; 32];
        let key = &mut key[..self.profile.key_bytes()];
        let mut salt = [0; SALT_BYTES_MAX];
        self.derive(first, key)?;
        self.derive(first + 2, &mut salt[..self.profile.salt_bytes()])?;
        match self.profile {
            Profile::Aes256Gcm | Profile::Aes128Gcm => {
                Cipher::gcm(key, salt[..12].try_into().map_err(|_| Unspecified)?)
            }
            Profile::Aes128CmSha1 => {
                let mut auth = [0; AUTH_KEY_BYTES];
                self.derive(first + 1, &mut auth)?;
                Cipher::cm(key, &auth, salt)
            }
        }
    }

    /// The pseudo-random function: the key stream of AES in counter mode from the salt, with the label in it.
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

#[cfg(test)]
mod tests {
    use super::super::tests::hex;
    use super::*;

    #[track_caller]
    fn check(key: &str, salt: &str, label: u8, expected: &str) {
        let (key, salt, expected) = (hex(key), hex(salt), hex(expected));
        // The profile takes no part in the function itself.
        let keys = MasterKeys { profile: Profile::Aes128CmSha1, key: &key, salt: &salt };
        let mut out = vec![0; expected.len()];
        keys.derive(label, &mut out).unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn keys_are_those_of_rfc_3711_b_3() {
        let (key, salt) = ("E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6");
        check(key, salt, 0, "C61E7A93744F39EE10734AFE3FF7A087");
        check(key, salt, 2, "30CBBC08863D8C85D49DB34A9AE1");
        check(
            key,
            salt,
            1,
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE
             E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25
             6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2",
        );
    }

    #[test]
    fn long_keys_are_those_of_rfc_6188_7_2() {
        let key = "F0F04914B513F2763A1B1FA130F10E2998F6F6E43E4309D1E622A0E332B9F1B6";
        let salt = "3B04803DE51EE7C96423AB5B78D2";
        check(key, salt, 0, "5BA1064E30EC51613CAD926C5A28EF731EC7FB397F70A960653CAF06554CD8C4");
        check(key, salt, 2, "FA31791685CA444A9E07C6C64E93");
    }

    #[test]
    fn keying_material_is_split_as_rfc_5764_orders_it() {
        let material: Vec<u8> = (0..56).collect();
        let (client, server) = MasterKeys::split(Profile::Aes128Gcm, &material).unwrap();
        assert_eq!((client.key, client.salt), (&material[..16], &material[32..44]));
        assert_eq!((server.key, server.salt), (&material[16..32], &material[44..]));
        assert!(MasterKeys::split(Profile::Aes128Gcm, &material[1..]).is_none());
        assert!(MasterKeys::split(Profile::Aes128CmSha1, &[0; 60]).is_some());
        assert!(MasterKeys::split(Profile::Aes256Gcm, &[0; 88]).is_some());
    }
}
