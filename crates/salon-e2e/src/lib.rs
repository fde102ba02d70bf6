//! Scenarios with real browsers against the real server.
