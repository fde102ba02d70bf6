//! What an answer has to do with its offer.

use std::collections::BTreeSet;

/// Checks that the answer is well-formed, and has the sections of the offer.
pub fn check_answer(offer: &str, answer: &str) {
    assert!(answer.starts_with("v=0\r\n") && answer.ends_with("\r\n"));
    for line in answer.split_terminator("\r\n") {
        let [kind, b'=', value @ ..] = line.as_bytes() else { panic!("no line of SDP: {line:?}") };
        assert!(kind.is_ascii_lowercase(), "{line:?}");
        assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n')), "{line:?}");
    }
    assert_eq!(sections(answer), sections(offer));
}

/// Checks that there is nothing in the answer but what is printed, and ends of lines.
pub fn check_printable(answer: &str) {
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    for line in answer.split("\r\n") {
        assert!(line.bytes().all(is_printable), "{line:?}");
    }
}

/// Checks that each SSRC of the answer belongs to one section, and is not zero.
pub fn check_streams(answer: &str) {
    let mut all = BTreeSet::from([0]);
    for section in answer.split("\r\nm=").skip(1) {
        let lines = section.lines().filter_map(|line| line.strip_prefix("a=ssrc:"));
        let ssrcs: BTreeSet<u32> = lines
            .map(|line| line.split(' ').next().unwrap_or_default())
            .map(|ssrc| ssrc.parse().expect("an SSRC is a number"))
            .collect();
        assert!(ssrcs.len() <= 2, "{section}");
        assert!(ssrcs.into_iter().all(|ssrc| all.insert(ssrc)), "{section}");
    }
}

/// The medium of each section, and its name.
fn sections(text: &str) -> Vec<(&str, Option<&str>)> {
    let lines: Vec<&str> = text.lines().collect();
    let blocks = lines.chunk_by(|_, next| !next.starts_with("m=")).skip(1);
    blocks
        .map(|block| {
            let mid = block.iter().find_map(|line| line.strip_prefix("a=mid:"));
            (block[0].split(' ').next().unwrap_or_default(), mid.map(str::trim))
        })
        .collect()
}
