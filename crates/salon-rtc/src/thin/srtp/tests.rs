//! Published test vectors, and what must be refused.

use proptest::prelude::*;

use super::*;

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SALT: &str = "51756964 2070726f 2071756f";
const MEDIA: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
    69736120 696e2070 61727465 73207472 6573";
const REPORT: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
    deadbeef deadbeef deadbeef deadbeef deadbeef";

/// The session keys of RFC 7714, 16 and 17, which are given without the keys that they come from.
fn rfc_7714(key_bytes: usize) -> Sealer {
    let cipher = || Cipher::gcm(&hex(KEY)[..key_bytes], hex(SALT).try_into().unwrap()).unwrap();
    Sealer { media: cipher(), reports: cipher(), report_index: 0x5d4 }
}

#[track_caller]
fn check_media(key_bytes: usize, sealed: &str) {
    let (plain, sealed) = (hex(MEDIA), hex(sealed));
    let sealer = rfc_7714(key_bytes);
    // However the payload is cut, the packet is the same.
    for cut in 0..8 {
        let mut packet = vec![0; sealed.len()];
        packet[..12].copy_from_slice(&plain[..12]);
        let (head, rest) = plain[12..].split_at(cut);
        for tail_bytes in 0..8 {
            let (body, tail) = rest.split_at(rest.len() - tail_bytes);
            let mut packet = packet.clone();
            sealer.seal_media(0x5501_a0b2, 0xf17b, &mut packet, [head, body, tail]).unwrap();
            assert_eq!(packet, sealed, "cut at {cut}, {tail_bytes} before the end");
        }
    }
}

#[track_caller]
fn check_report(key_bytes: usize, sealed: &str) {
    let (plain, sealed) = (hex(REPORT), hex(sealed));
    let mut packet = plain.clone();
    packet.resize(plain.len() + OVERHEAD_BYTES_MAX, 0);
    let length = rfc_7714(key_bytes).seal_report(&mut packet, plain.len()).unwrap();
    assert_eq!(packet[..length], sealed);
    let mut opener = Opener { reports: rfc_7714(key_bytes).reports, seen: Vec::new() };
    assert_eq!(opener.open_report(&mut sealed.clone()), Ok(&plain[..]));
    assert_eq!(opener.open_report(&mut sealed.clone()), Err(OpenError::Replayed(0x5d4)));
}

#[test]
fn media_is_sealed_as_in_rfc_7714_16() {
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

#[test]
fn reports_are_sealed_as_in_rfc_7714_17() {
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

#[test]
fn counter_mode_is_that_of_rfc_3711_b_2() {
    // The key stream for SSRC 0 and index 0: zeros sealed.
    let salt = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
    let cipher = Cipher::cm(&hex("2B7E151628AED2A6ABF7158809CF4F3C"), &[0; 20], salt).unwrap();
    let mut out = [0; 48 + 10];
    cipher.seal(Nonce::new(0, 0), &[], [&[], &[0; 48], &[]], &mut out, 0).unwrap();
    let stream = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
        41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(out[..48], hex(stream));
}

#[test]
fn packets_in_counter_mode_are_those_of_libsrtp() {
    // Its own test vectors, master keys included; both halves of the keying material are the same here.
    let (key, salt) = ("E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6");
    let material = hex(&[key, key, salt, salt].concat());
    let (client, server) = MasterKeys::split(Profile::Aes128CmSha1, &material).unwrap();
    let (mut sealer, mut opener) = (Sealer::new(&server).unwrap(), Opener::new(&client).unwrap());

    let sealed =
        hex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
    let mut packet = vec![0; sealed.len()];
    packet[..12].copy_from_slice(&sealed[..12]);
    sealer
        .seal_media(0xcafe_babe, 0x1234, &mut packet, [&[0xab; 3], &[0xab; 11], &[0xab; 2]])
        .unwrap();
    assert_eq!(packet, sealed);

    let plain = hex("81c8000bcafebabe abababababababababababababababab");
    let sealed =
        hex("81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798");
    sealer.report_index = 1;
    let mut packet = plain.clone();
    packet.resize(plain.len() + OVERHEAD_BYTES_MAX, 0);
    let length = sealer.seal_report(&mut packet, plain.len()).unwrap();
    assert_eq!(packet[..length], sealed);
    assert_eq!(opener.open_report(&mut packet[..length]), Ok(&plain[..]));
}

fn pair(profile: Profile) -> (Sealer, Opener) {
    let length = match profile {
        Profile::Aes256Gcm => 88,
        Profile::Aes128Gcm => 56,
        Profile::Aes128CmSha1 => 60,
    };
    let material: Vec<u8> = (0..length).collect();
    let (client, _) = MasterKeys::split(profile, &material).unwrap();
    (Sealer::new(&client).unwrap(), Opener::new(&client).unwrap())
}

fn sealed(sealer: &mut Sealer, report: &[u8]) -> Vec<u8> {
    let mut packet = report.to_vec();
    packet.resize(report.len() + OVERHEAD_BYTES_MAX, 0);
    let length = sealer.seal_report(&mut packet, report.len()).unwrap();
    packet.truncate(length);
    packet
}

#[test]
fn a_peer_with_too_many_sources_is_heard_from_the_first() {
    let (mut sealer, mut opener) = pair(Profile::Aes128Gcm);
    for source in 0..=PEERS_MAX as u8 {
        let report = [0x80, 201, 0, 1, 0, 0, 0, source];
        let expected =
            if usize::from(source) < PEERS_MAX { Ok(&report[..]) } else { Err(OpenError::Sources) };
        assert_eq!(opener.open_report(&mut sealed(&mut sealer, &report)), expected);
    }
}

fn profiles() -> impl Strategy<Value = Profile> {
    prop_oneof![Just(Profile::Aes256Gcm), Just(Profile::Aes128Gcm), Just(Profile::Aes128CmSha1)]
}

proptest! {
    #[test]
    fn reports_round_trip_once_and_no_byte_may_change(
        profile in profiles(),
        body in prop::collection::vec(any::<u8>(), 8..300),
        at: prop::sample::Index,
        change in 1..=255_u8,
    ) {
        let (mut sealer, mut opener) = pair(profile);
        let packet = sealed(&mut sealer, &body);
        let mut spoilt = packet.clone();
        spoilt[at.index(packet.len())] ^= change;
        prop_assert!(opener.open_report(&mut spoilt).is_err());
        for length in 0..packet.len() {
            prop_assert!(opener.open_report(&mut packet[..length].to_vec()).is_err());
        }
        let (mut first, mut second) = (packet.clone(), packet);
        prop_assert_eq!(opener.open_report(&mut first), Ok(&body[..]));
        prop_assert_eq!(opener.open_report(&mut second), Err(OpenError::Replayed(0)));
    }

    #[test]
    fn any_bytes_are_refused(profile in profiles(), bytes: Vec<u8>) {
        prop_assert!(pair(profile).1.open_report(&mut bytes.clone()).is_err());
    }
}
