//! Live rooms as a service: rooms, media, badges and signalling composed behind an axum router.
