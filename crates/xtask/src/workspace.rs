//! What cargo knows of the workspace: its packages and who depends on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::cargo;

/// The workspace as `cargo metadata` tells it.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Its top folder.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    /// Its members' names.
    pub(crate) members: BTreeSet<String>,
    /// Each member's own arrows, outside tests, to other members.
    pub(crate) arrows: BTreeSet<(String, String)>,
    /// Arrows that exist in tests only.
    pub(crate) test_arrows: BTreeSet<(String, String)>,
    /// What each package of the whole graph needs outside tests, by name.
    needs: BTreeMap<String, BTreeSet<String>>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self> {
        let output = cargo().args(["metadata", "--format-version", "1"]).output()?;
        let problem = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo metadata: {problem}");
        let metadata = serde_json::from_slice::<Value>(&output.stdout)?;
        Self::read(&metadata).context("cargo metadata is not as expected")
    }

    fn read(metadata: &Value) -> Option<Self> {
        let mut names = BTreeMap::new();
        for package in metadata["packages"].as_array()? {
            names.insert(package["id"].as_str()?, package["name"].as_str()?);
        }
        let member = |id: &Value| Some((*names.get(id.as_str()?)?).to_owned());
        let members = metadata["workspace_members"].as_array()?;
        let mut workspace = Self {
            root: metadata["workspace_root"].as_str()?.into(),
            target: metadata["target_directory"].as_str()?.into(),
            members: members.iter().map(member).collect::<Option<_>>()?,
            arrows: BTreeSet::new(),
            test_arrows: BTreeSet::new(),
            needs: BTreeMap::new(),
        };
        for node in metadata["resolve"]["nodes"].as_array()? {
            let from = *names.get(node["id"].as_str()?)?;
            for dependency in node["deps"].as_array()? {
                let to = *names.get(dependency["pkg"].as_str()?)?;
                let kinds = dependency["dep_kinds"].as_array()?;
                workspace.add(from, to, kinds.iter().all(|kind| kind["kind"] == "dev"));
            }
        }
        Some(workspace)
    }

    fn add(&mut self, from: &str, to: &str, only_in_tests: bool) {
        if !only_in_tests {
            self.needs.entry(from.to_owned()).or_default().insert(to.to_owned());
        }
        if self.members.contains(from) && self.members.contains(to) {
            let arrows = if only_in_tests { &mut self.test_arrows } else { &mut self.arrows };
            arrows.insert((from.to_owned(), to.to_owned()));
        }
    }

    /// Everything `package` needs outside tests, directly or not.
    pub(crate) fn reach(&self, package: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![package];
        // Ends because each package is entered once.
        while let Some(package) = open.pop() {
            for next in self.needs.get(package).into_iter().flatten() {
                if reached.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        reached
    }
}
