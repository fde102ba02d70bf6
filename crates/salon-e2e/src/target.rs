//! Where cargo put this test, and so where it puts the server.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The target folder and profile folder of the running test: `target` and `debug` of `target/debug/deps/x`.
fn place() -> Result<(PathBuf, String)> {
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).context("the test is not in a target folder")?;
    let target = profile.parent().context("the test is not in a target folder")?;
    let name = profile.file_name().context("the profile has no name")?.to_string_lossy();
    Ok((target.to_owned(), name.into_owned()))
}

/// The target folder.
pub(crate) fn folder() -> Result<PathBuf> {
    Ok(place()?.0)
}

/// The profile to build with, as cargo calls it, and the folder where its binaries land.
pub(crate) fn profile() -> Result<(String, PathBuf)> {
    let (target, folder) = place()?;
    let binaries = target.join(&folder);
    // The development profile is the one whose folder has another name.
    Ok((if folder == "debug" { "dev".to_owned() } else { folder }, binaries))
}
