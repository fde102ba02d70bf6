//! The room model: seats, roles, invites, requests, comments; decide and evolve.
