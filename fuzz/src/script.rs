//! Bytes as a list of what happens to a fan-out, so that a fuzzer can write one by changing bytes.
//!
//! The first byte is the codec. Then each step begins with a byte whose lowest three bits say what it is; the others
//! and the bytes that follow are its arguments, and what is missing at the end is zero. Every list of bytes is a script.

use salon_fanout::Codec;
use salon_fanout::layer::Layer;

/// One thing that happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step<'a> {
    /// A source sends a packet. 0 to 3: bit 3 is the source, bits 4 and 5 the layer, bit 6 the marker, bit 7 begins a
    /// frame; then the step of its sequence number, a length, and so many bytes.
    Packet {
        /// Which source, 0 or 1.
        source: usize,
        /// Which layer of it.
        layer: Layer,
        /// The last packet of its frame.
        marker: bool,
        /// It is the first packet of its frame.
        begins_frame: bool,
        /// How far its sequence number is from that of the packet before; zero stands for one.
        step: i8,
        /// What follows the RTP header.
        payload: &'a [u8],
    },
    /// A slot is attached to a source. 4: bits 3 and 4 are the slot, bit 5 the source.
    Attach {
        /// Which slot of the medium.
        slot: u8,
        /// Which source, 0 or 1.
        source: usize,
    },
    /// A slot is detached. 5: bits 3 and 4 are the slot.
    Detach {
        /// Which slot of the medium.
        slot: u8,
    },
    /// Time passes. 6: then a byte.
    Wait {
        /// How long, in 1/64 s.
        ticks: u8,
    },
    /// The receiver, or a source, says something. 7: bits 3 and 4 are the slot, and the number of a layer; bits 5 to 7
    /// are what is said; then a byte.
    Say {
        /// Which slot of the medium.
        slot: u8,
        /// Which of eight things.
        what: u8,
        /// What about it.
        number: u8,
    },
}

/// What happens, in order.
#[derive(Clone, Debug)]
pub struct Script<'a> {
    /// The codec of both sources.
    pub codec: Codec,
    rest: &'a [u8],
}

impl<'a> Script<'a> {
    /// The script that these bytes are.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        let (first, rest) = match bytes {
            [first, rest @ ..] => (*first, rest),
            [] => (0, bytes),
        };
        let codec = match first % 5 {
            0 => Codec::Opus,
            1 => Codec::Vp8,
            2 => Codec::H264,
            3 => Codec::Vp9,
            _ => Codec::Av1,
        };
        Self { codec, rest }
    }

    fn byte(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *first
    }

    fn bytes(&mut self, len: u8) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(usize::from(len).min(self.rest.len()));
        self.rest = rest;
        bytes
    }
}

impl<'a> Iterator for Script<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let head = self.byte();
        let slot = head >> 3 & 3;
        Some(match head & 7 {
            0..=3 => {
                let step = i8::from_be_bytes([self.byte()]);
                let len = self.byte();
                Step::Packet {
                    source: usize::from(head >> 3 & 1),
                    layer: Layer::new(head >> 4 & 3).unwrap_or(Layer::ONLY),
                    marker: head & 0x40 != 0,
                    begins_frame: head & 0x80 != 0,
                    step,
                    payload: self.bytes(len),
                }
            }
            4 => Step::Attach { slot, source: usize::from(head >> 5 & 1) },
            5 => Step::Detach { slot },
            6 => Step::Wait { ticks: self.byte() },
            _ => Step::Say { slot, what: head >> 5, number: self.byte() },
        })
    }
}
