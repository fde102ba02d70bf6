//! Badge and tip accounting: a double-entry journal with caps, holds and statements.
