//! Offers and answers of a light viewer, and what it reads of the server's (RFC 8866, RFC 8829).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use is::{Candidate, IceCreds};

use super::srtp::End;
use crate::arguments::Codec;

const AUDIO: &str = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n";
/// Header extensions, as full viewers offer them.
const EXTENSIONS: &str = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
    a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";

/// What this end says of its transport.
#[derive(Debug)]
pub(crate) struct Local<'a> {
    pub(crate) credentials: &'a IceCreds,
    pub(crate) candidate: &'a Candidate,
    /// `sha-256 AB:CD:..`
    pub(crate) fingerprint: &'a str,
}

/// What the server says.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) credentials: IceCreds,
    pub(crate) candidates: Vec<Candidate>,
    /// Of the server's certificate: `sha-256 AB:CD:..`
    pub(crate) fingerprint: String,
    pub(crate) is_lite: bool,
    /// What this end is in the DTLS handshake.
    pub(crate) end: End,
    /// The clock of each format that media comes in; of repairs there is none here.
    pub(crate) clocks: BTreeMap<u8, u32>,
}

/// An offer to receive sound and pictures of so many seats.
pub(crate) fn offer(local: &Local<'_>, codec: Codec, seats: u8) -> String {
    let kinds = [("audio", "111".to_owned(), AUDIO.to_owned()), video(codec)];
    let sections = kinds.iter().flat_map(|kind| std::iter::repeat_n(kind, seats.into()));
    let mids: Vec<String> = (0..2 * seats).map(|mid| mid.to_string()).collect();
    let mut out = session(&mids);
    for ((kind, formats, attributes), mid) in sections.zip(&mids) {
        section(&mut out, local, "actpass", (kind, formats, mid));
        out.push_str(EXTENSIONS);
        out.push_str(attributes);
    }
    out
}

/// The answer to a server's offer: everything it offers is received, in the first codec of each section. The server
/// begins the handshake: one of ours could come before it is ready, and be sent again a second later only.
pub(crate) fn answer(local: &Local<'_>, offer: &str) -> String {
    let sections: Vec<Vec<&str>> = sections(offer).collect();
    let mids: Vec<String> =
        sections.iter().map(|lines| value(lines, "a=mid:").unwrap_or("0").to_owned()).collect();
    let mut out = session(&mids);
    for (lines, mid) in sections.iter().zip(&mids) {
        let mut words = lines[0].split_whitespace();
        let kind = words.next().unwrap_or_default().trim_start_matches("m=");
        let first = words.nth(2).unwrap_or_default();
        // A stream of repairs belongs to what it repairs (RFC 4588, 8.6).
        let apt = format!("apt={first}");
        let repair = lines.iter().find_map(|line| {
            let (pt, parameters) = line.strip_prefix("a=fmtp:")?.split_once(' ')?;
            (parameters.trim() == apt).then_some(pt)
        });
        let kept: Vec<&str> = std::iter::once(first).chain(repair).collect();
        section(&mut out, local, "passive", (kind, &kept.join(" "), mid));
        for line in lines {
            let about = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"]
                .iter()
                .find_map(|start| line.strip_prefix(start));
            let pt = about.and_then(|rest| rest.split(' ').next());
            let is_kept = pt.is_some_and(|pt| kept.contains(&pt)) && !line.contains("transport-cc");
            let is_extension = line.starts_with("a=extmap:")
                && EXTENSIONS.contains(line.rsplit(' ').next().unwrap_or("-"));
            if is_kept || is_extension {
                let _infallible = write!(out, "{line}\r\n");
            }
        }
    }
    out
}

impl Remote {
    /// Reads an offer or an answer.
    ///
    /// # Errors
    /// Something is missing without which there is no connection.
    pub(crate) fn parse(sdp: &str) -> Result<Self> {
        let lines: Vec<&str> = sdp.lines().map(str::trim).collect();
        let text = |start: &str| {
            value(&lines, start)
                .with_context(|| format!("it has no {}", start.trim_end_matches(':')))
        };
        let credentials = IceCreds {
            ufrag: text("a=ice-ufrag:")?.to_owned(),
            pass: text("a=ice-pwd:")?.to_owned(),
        };
        let mut candidates = Vec::new();
        for line in lines.iter().filter_map(|line| line.strip_prefix("a=")) {
            // Names of hosts, and protocols that are not UDP, are candidates for others.
            if let Some(Ok(candidate)) =
                line.starts_with("candidate:").then(|| Candidate::from_sdp_string(line))
                && !candidates.contains(&candidate)
            {
                candidates.push(candidate);
            }
        }
        ensure!(!candidates.is_empty(), "it has no candidate that can be reached over UDP");
        // To its offer we are passive, to ours it mostly is.
        let end = match text("a=setup:")? {
            "active" | "actpass" => End::Server,
            _ => End::Client,
        };
        let mut clocks = BTreeMap::new();
        for line in lines.iter().filter_map(|line| line.strip_prefix("a=rtpmap:")) {
            let Some((pt, format)) = line.split_once(' ') else { continue };
            let name = format.split('/').next().unwrap_or_default().to_ascii_lowercase();
            let clock = format.split('/').nth(1).and_then(|clock| clock.trim().parse().ok());
            if let (Ok(pt), Some(clock), "opus" | "vp8" | "h264") = (pt.parse(), clock, &*name) {
                clocks.insert(pt, clock);
            }
        }
        ensure!(!clocks.is_empty(), "it accepts none of the codecs");
        let fingerprint = text("a=fingerprint:")?.to_owned();
        let is_lite = lines.contains(&"a=ice-lite");
        Ok(Self { credentials, candidates, fingerprint, is_lite, end, clocks })
    }
}

fn video(codec: Codec) -> (&'static str, String, String) {
    // Each with its repairs. The profiles of H.264 are baseline and constrained baseline, as what is published has them.
    let formats: &[(u8, u8, &str, &str)] = match codec {
        Codec::Vp8 => &[(96, 97, "VP8", "")],
        Codec::H264 => &[(127, 121, "H264", "42001f"), (108, 109, "H264", "42e01f")],
    };
    let (mut pts, mut lines) = (Vec::new(), Vec::new());
    for (pt, repair, name, profile) in formats {
        pts.extend([pt.to_string(), repair.to_string()]);
        lines.push(format!("rtpmap:{pt} {name}/90000"));
        let wishes = ["nack", "nack pli", "ccm fir"];
        lines.extend(wishes.map(|wish| format!("rtcp-fb:{pt} {wish}")));
        if !profile.is_empty() {
            let mode = "level-asymmetry-allowed=1;packetization-mode=1";
            lines.push(format!("fmtp:{pt} {mode};profile-level-id={profile}"));
        }
        lines.push(format!("rtpmap:{repair} rtx/90000"));
        lines.push(format!("fmtp:{repair} apt={pt}"));
    }
    let attributes = lines.iter().map(|line| format!("a={line}\r\n")).collect();
    ("video", pts.join(" "), attributes)
}

fn session(mids: &[String]) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\na=msid-semantic: WMS *\r\n",
        mids.join(" ")
    )
}

fn section(
    out: &mut String,
    local: &Local<'_>,
    setup: &str,
    (kind, formats, mid): (&str, &str, &str),
) {
    let Local { credentials, candidate, fingerprint } = local;
    let candidate = candidate.to_sdp_string();
    let _infallible = write!(
        out,
        "m={kind} 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
         a={candidate}\r\na=end-of-candidates\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n\
         a=fingerprint:{fingerprint}\r\na=setup:{setup}\r\na=mid:{mid}\r\na=recvonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
        credentials.ufrag, credentials.pass
    );
}

/// The sections of a description, each with its first line.
fn sections(sdp: &str) -> impl Iterator<Item = Vec<&str>> {
    sdp.split("\nm=").skip(1).map(|section| {
        // Without what the cut took off.
        let mut lines: Vec<&str> = section.lines().map(str::trim).collect();
        lines[0] = lines[0].trim_start_matches("m=");
        lines
    })
}

fn value<'a>(lines: &[&'a str], start: &str) -> Option<&'a str> {
    lines.iter().find_map(|line| line.strip_prefix(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(check: impl Fn(&Local<'_>)) {
        let credentials = IceCreds { ufrag: "user".into(), pass: "password".into() };
        let candidate = Candidate::host("192.0.2.1:9".parse().unwrap(), "udp").unwrap();
        check(&Local {
            credentials: &credentials,
            candidate: &candidate,
            fingerprint: "sha-256 AB",
        });
    }

    #[test]
    fn an_offer_is_read_as_it_was_written() {
        local(|local| {
            for (codec, video) in [(Codec::Vp8, &[96][..]), (Codec::H264, &[108, 127])] {
                let offer = offer(local, codec, 4);
                let remote = Remote::parse(&offer).unwrap();
                assert_eq!(remote.credentials, *local.credentials);
                assert_eq!((remote.candidates.len(), remote.is_lite), (1, false));
                let mut pts = vec![111];
                pts.extend(video);
                pts.sort_unstable();
                assert_eq!(remote.clocks.keys().copied().collect::<Vec<_>>(), pts);
                let mids: Vec<_> =
                    sections(&offer).filter_map(|lines| value(&lines, "a=mid:")).collect();
                assert_eq!(mids, ["0", "1", "2", "3", "4", "5", "6", "7"]);
            }
        });
    }

    #[test]
    fn every_offer_of_ours_is_one_to_str0m() {
        local(|local| {
            for codec in [Codec::Vp8, Codec::H264] {
                let text = offer(local, codec, 2)
                    .replace("sha-256 AB", &format!("sha-256 {}AB", "AB:".repeat(31)));
                str0m::change::SdpOffer::from_sdp_string(&text).unwrap();
            }
        });
    }

    #[test]
    fn an_answer_takes_the_first_codec_and_its_repairs() {
        let offer = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\na=mid:v1\r\n\
            a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 nack\r\n\
            a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 H264/90000\r\n\
            a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:8 urn:other\r\n";
        local(|local| {
            let answer = answer(local, offer);
            for line in [
                "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n",
                "a=mid:v1\r\n",
                "BUNDLE v1\r\n",
                "apt=96",
                "a=setup:passive",
                "a=extmap:7 ",
            ] {
                assert!(answer.contains(line), "{line} is not in {answer}");
            }
            for line in ["H264", "transport-cc", "urn:other"] {
                assert!(!answer.contains(line), "{line} is in {answer}");
            }
        });
    }

    #[test]
    fn what_is_missing_is_named() {
        for (sdp, missing) in [("", "ice-ufrag"), ("a=ice-ufrag:u\na=ice-pwd:p", "candidate")] {
            let error = Remote::parse(sdp).unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
    }
}
