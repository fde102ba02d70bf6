//! Durable stores: embedded SQLite with group commit.
