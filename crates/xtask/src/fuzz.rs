//! The fuzz targets of `fuzz/`: every seed once, or each target for a while.
//!
//! They are a workspace of their own, built with the `fuzzing` cfg into a folder of their own: next to nothing that is
//! built for tests could be shared with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{call, cargo, succeeds};
use crate::report::Notes;
use crate::workspace::Workspace;

const MANIFEST: &str = "fuzz/Cargo.toml";

/// How long each target is fuzzed in a long run.
const SECONDS_EACH: u32 = 600;

/// No input may take longer than this, in seconds; each takes milliseconds. A guess that busy machines keep.
const INPUT_SECONDS_MAX: u32 = 20;

/// One target.
#[derive(Debug)]
struct Target {
    name: &'static str,
    /// Folders of inputs to begin with. The first is its own, where inputs that once failed are kept.
    seeds: &'static [&'static str],
}

const GOLDEN: &str = "crates/salon-signal/tests/golden/v1";
const OFFERS: &str = "crates/salon-rtc/tests/offers";

const TARGETS: [Target; 7] = [
    Target { name: "offer_publish", seeds: &["fuzz/seeds/offer_publish", OFFERS] },
    Target { name: "offer_watch", seeds: &["fuzz/seeds/offer_watch", OFFERS] },
    Target { name: "rtcp", seeds: &["fuzz/seeds/rtcp"] },
    Target { name: "rtp_payload", seeds: &["fuzz/seeds/rtp_payload"] },
    Target { name: "signal_client", seeds: &["fuzz/seeds/signal_client", GOLDEN] },
    Target { name: "signal_server", seeds: &["fuzz/seeds/signal_server", GOLDEN] },
    Target { name: "stun", seeds: &["fuzz/seeds/stun"] },
];

/// Builds the targets and runs each on its seeds, with the toolchain of everything else.
pub(crate) fn replay(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    call(cargo().args(["fmt", "--manifest-path", MANIFEST, "--check"]))?;
    let mut build = cargo();
    build.args(["build", "--locked", "--bins", "--manifest-path", MANIFEST, "--target-dir"]);
    call(build.arg(&folder).env("RUSTFLAGS", "--cfg fuzzing -D warnings"))?;
    for Target { name, seeds } in &TARGETS {
        let inputs = files(seeds)?;
        let mut command = Command::new(folder.join("debug").join(name));
        command.arg(format!("-timeout={INPUT_SECONDS_MAX}")).args(&inputs);
        let output = command.output().with_context(|| format!("cannot run {name}"))?;
        if !output.status.success() {
            print!("{}", String::from_utf8_lossy(&output.stderr));
            bail!("fuzz target {name} fails on one of its seeds: {}", output.status);
        }
        println!("{name}: {} seeds", inputs.len());
    }
    Ok(())
}

/// Fuzzes each target for a while, also after another has found something.
pub(crate) fn run_all(workspace: &Workspace, notes: &mut Notes) -> Result<()> {
    if !succeeds("cargo +nightly fuzz --version") {
        let why = "the nightly toolchain or cargo-fuzz is missing: \
                   `rustup toolchain install nightly && cargo install cargo-fuzz`";
        if std::env::var_os("SALON_REQUIRE").is_some_and(|value| value == "all") {
            bail!("SALON_REQUIRE=all, but {why}");
        }
        notes.skipped.push(why.to_owned());
        return Ok(());
    }
    let failed = TARGETS.iter().filter(|target| {
        let result = fuzz(target, &folder(workspace));
        result.inspect_err(|error| println!("{error:#}")).is_err()
    });
    let failed = failed.map(|target| target.name).collect::<Vec<_>>();
    if !failed.is_empty() {
        bail!("{} failed; the inputs are in fuzz/artifacts", failed.join(", "));
    }
    Ok(())
}

fn fuzz(Target { name, seeds }: &Target, folder: &Path) -> Result<()> {
    // New inputs go to the first folder; the others are only read.
    let corpus = format!("fuzz/corpus/{name}");
    fs::create_dir_all(&corpus).with_context(|| corpus.clone())?;
    // By its name, not by its path: only the one in front knows toolchains.
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz", "run", "--target-dir"]).arg(folder);
    command.arg(name).arg(corpus).args(*seeds).arg("--");
    command.arg(format!("-max_total_time={SECONDS_EACH}"));
    command.arg(format!("-timeout={INPUT_SECONDS_MAX}")).arg("-print_final_stats=1");
    call(&mut command)
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("fuzz")
}

fn files(folders: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(folder).with_context(|| (*folder).to_owned())? {
            files.push(entry?.path());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_listed_with_seeds() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut found = Vec::new();
        for entry in fs::read_dir(root.join("fuzz/fuzz_targets")).unwrap() {
            found.push(entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
        }
        found.sort();
        assert_eq!(TARGETS.map(|target| target.name.to_owned()).to_vec(), found);
        for Target { name, seeds } in TARGETS {
            assert_eq!(seeds[0], format!("fuzz/seeds/{name}"));
            let paths = seeds.iter().map(|seeds| root.join(seeds).to_str().unwrap().to_owned());
            let paths = paths.collect::<Vec<_>>();
            let paths = paths.iter().map(String::as_str).collect::<Vec<_>>();
            assert!(!files(&paths).unwrap().is_empty(), "{name}");
        }
    }
}
