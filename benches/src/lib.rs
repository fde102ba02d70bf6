//! Measurements of Salon; each bench prints what it measured and how.
//!
//! What the benches have in common is here: [`arguments`], [`progress`] and [`report`] towards people, with [`spread`]
//! for what is measured several times and [`plot`] for the pictures; [`cpu`] for time and cores; [`programs`] and
//! [`loadtest`] for the benches that measure whole servers.

pub mod arguments;
pub mod cpu;
pub mod loadtest;
pub mod plot;
pub mod programs;
pub mod progress;
pub mod report;
pub mod spread;
