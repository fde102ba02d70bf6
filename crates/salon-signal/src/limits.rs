//! What a receiver refuses before it reads.

/// Bounds on one frame, enforced on its bytes before anything is allocated for its content.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The frame, in bytes.
    pub frame_bytes: usize,
    /// Objects and lists inside each other; at most [`DEPTH_MAX`].
    pub depth: usize,
    /// One string or key, in bytes as written, escapes included.
    pub string_bytes: usize,
    /// The elements of one list, or the fields of one object.
    pub list_len: usize,
}

/// The deepest nesting any limits allow. The protocol's own frames need eight.
pub const DEPTH_MAX: usize = 16;

/// The largest integer a browser reads exactly: 2^53.
pub const INTEGER_MAX: u64 = 1 << 53;

impl Limits {
    /// What a server reads of a client.
    ///
    /// 16 KiB holds the longest `hello` three times over; no command has a list of more than three, and 64
    /// leaves room to answer "too many" as a rejection instead of a malformed frame.
    pub const CLIENT: Self =
        Self { frame_bytes: 16 * 1024, depth: DEPTH_MAX, string_bytes: 8 * 1024, list_len: 64 };

    /// What a client reads of a server: a snapshot of a full stage, with 500 requests, fits twice (a guess).
    pub const SERVER: Self =
        Self { frame_bytes: 1024 * 1024, depth: DEPTH_MAX, string_bytes: 8 * 1024, list_len: 4096 };
}
