//! Measurements of Salon; each bench prints what it measured and how.
