//! The media fan-out engine: parsed packets in, rewritten RTP out.
