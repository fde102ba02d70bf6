//! What the fuzz targets in `fuzz_targets` share: what must hold of results, said another way than the code under test.

pub mod descriptor;
pub mod panics;
pub mod refusal;
pub mod script;
pub mod sdp;
pub mod stage;
