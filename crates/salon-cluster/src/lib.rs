//! The seams to many machines, each with its in-process implementation.
