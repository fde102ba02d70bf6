//! Payloads that look like VP8, H.264 and Opus to everybody but a decoder.

use crate::arguments::Codec;
use crate::stamp::Stamp;

/// The smallest video payload: the longest head and a stamp.
pub(crate) const BYTES_MIN: i64 = 128;

/// The bytes of a sound packet: 20 ms at 48 kbit/s.
pub(crate) const SOUND_BYTES: usize = 120;

/// A sequence parameter set of the constrained baseline profile, 640 x 360, and its picture parameter set.
const SPS: [u8; 14] =
    [0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0xd0, 0x0f, 0x08, 0x84, 0x6a];
const PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

/// One packet's place in its frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Of which frame, counted from 0.
    pub(crate) frame: u64,
    pub(crate) is_keyframe: bool,
    /// Which packet of the frame, below `count`.
    pub(crate) index: u32,
    pub(crate) count: u32,
}

impl Part {
    fn is_last(self) -> bool {
        self.index + 1 == self.count
    }

    /// The payload of this part, `len` bytes of it.
    pub(crate) fn payload(self, codec: Codec, stamp: Stamp, len: usize) -> Vec<u8> {
        let head = match codec {
            Codec::Vp8 => self.vp8(),
            Codec::H264 => self.h264(len),
        };
        stamp.finish(&head, len)
    }

    /// RFC 7741, 4.2 and 4.3: descriptor with a 15-bit picture number, and the frame's own header.
    fn vp8(self) -> Vec<u8> {
        let [high, low] = ((self.frame & 0x7fff) as u16 | 0x8000).to_be_bytes();
        let begins = if self.index == 0 { 0x10 } else { 0 };
        let mut head = vec![0x80 | begins, 0x80, high, low];
        if self.index == 0 {
            // RFC 6386, 9.1: a clear first bit is a keyframe; the frame is shown.
            head.extend([0x10 | u8::from(!self.is_keyframe), 0x02, 0x00]);
            if self.is_keyframe {
                head.extend([0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
            }
        }
        head
    }

    /// RFC 6184, 5.7 and 5.8: a keyframe begins with its parameters, the rest is in fragments.
    fn h264(self, len: usize) -> Vec<u8> {
        let kind = if self.is_keyframe { 5 } else { 1 };
        if self.is_keyframe && self.index == 0 {
            let mut head = vec![0x78];
            for unit in [&SPS[..], &PPS[..]] {
                head.extend((unit.len() as u16).to_be_bytes());
                head.extend(unit);
            }
            // Filler data, or the picture itself if there is no other packet.
            let kind = if self.count == 1 { kind } else { 12 };
            head.extend(((len - head.len() - 2) as u16).to_be_bytes());
            head.push(0x60 | kind);
            return head;
        }
        let first = u32::from(self.is_keyframe);
        if self.count - first == 1 {
            return vec![0x60 | kind];
        }
        let start = if self.index == first { 0x80 } else { 0 };
        let end = if self.is_last() { 0x40 } else { 0 };
        vec![0x7c, start | end | kind]
    }

    /// Whether the packet has RTP's marker.
    pub(crate) fn marker(self) -> bool {
        self.is_last()
    }
}

/// 20 ms of sound. RFC 6716, 3.1: CELT, full band, mono, one frame.
pub(crate) fn sound(stamp: Stamp) -> Vec<u8> {
    stamp.finish(&[0xf8], SOUND_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { track: 0, is_measured: true, counter: 3, sent_us: 4 };

    fn frame(codec: Codec, is_keyframe: bool, count: u32, len: usize) -> Vec<Vec<u8>> {
        let part = |index| Part { frame: 300, is_keyframe, index, count };
        (0..count).map(|index| part(index).payload(codec, STAMP, len)).collect()
    }

    #[test]
    fn every_payload_has_its_length_and_its_stamp() {
        for codec in [Codec::Vp8, Codec::H264] {
            for count in [1, 2, 7] {
                for len in [BYTES_MIN as usize, 1_160] {
                    for is_keyframe in [false, true] {
                        for payload in frame(codec, is_keyframe, count, len) {
                            assert_eq!(payload.len(), len);
                            assert_eq!(Stamp::read(&payload), Some(STAMP));
                        }
                    }
                }
            }
        }
        assert_eq!(Stamp::read(&sound(STAMP)), Some(STAMP));
    }

    #[test]
    fn vp8_says_where_frames_and_keyframes_begin() {
        let starts = |is_keyframe| {
            let frame = frame(Codec::Vp8, is_keyframe, 3, 1_160);
            frame.iter().map(|payload| [payload[0], payload[4] & 1]).collect::<Vec<_>>()
        };
        assert_eq!(starts(true)[0], [0x90, 0]);
        assert_eq!(starts(false)[0], [0x90, 1]);
        assert_eq!([starts(true)[1][0], starts(true)[2][0]], [0x80, 0x80]);
    }

    #[test]
    fn h264_is_in_aggregates_and_fragments() {
        let heads = |is_keyframe, count| {
            let frame = frame(Codec::H264, is_keyframe, count, 1_160);
            frame.iter().map(|payload| [payload[0], payload[1]]).collect::<Vec<_>>()
        };
        assert_eq!(heads(true, 3), [[0x78, 0], [0x7c, 0x85], [0x7c, 0x45]]);
        assert_eq!(heads(false, 3), [[0x7c, 0x81], [0x7c, 0x01], [0x7c, 0x41]]);
        assert_eq!([heads(true, 2)[1][0], heads(false, 1)[0][0]], [0x65, 0x61]);
        // The sizes in an aggregate add up to its end.
        let payload = &frame(Codec::H264, true, 3, 1_160)[0];
        let size = |at: usize| usize::from(u16::from_be_bytes([payload[at], payload[at + 1]]));
        let third = 1 + 2 + size(1) + 2 + size(1 + 2 + size(1));
        assert_eq!(third + 2 + size(third), payload.len());
    }
}
