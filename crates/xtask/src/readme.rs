//! The commands that documents tell a reader to type: they exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// The two commands a newcomer needs; `README.md` must name both.
const NAMED: [&str; 2] = ["cargo run --release -p live", "cargo xtask test"];

/// Checks `README.md` and every document of `docs`.
pub(crate) fn check(workspace: &Workspace, tasks: &[String]) -> Result<()> {
    let readme = fs::read_to_string("README.md").context("README.md")?;
    let mut problems = NAMED
        .iter()
        .filter(|command| !readme.contains(*command))
        .map(|command| format!("README.md does not name `{command}`"))
        .collect::<Vec<_>>();
    for document in documents()? {
        let text = fs::read_to_string(&document).with_context(|| document.display().to_string())?;
        for wrong in wrong_commands(&text, &workspace.members, tasks) {
            problems.push(format!("{}: {wrong}", document.display()));
        }
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n  "));
    }
    Ok(())
}

fn documents() -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::from("README.md")];
    for entry in fs::read_dir(Path::new("docs")).context("docs")? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "md") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Each `cargo xtask` with an unknown task and each `cargo ... -p` with an unknown package.
fn wrong_commands(text: &str, packages: &BTreeSet<String>, tasks: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (_, command) in text.match_indices("cargo ").map(|(start, _)| text[start..].split_at(6)) {
        let line = command.split(['\n', '`', '#', '"']).next().unwrap_or_default();
        let words = line.split_whitespace().collect::<Vec<_>>();
        if let ["xtask", task, ..] = words.as_slice()
            && !task.starts_with('-')
            && !tasks.iter().any(|known| known == task.trim_matches(['.', ',', ';', ':', ')']))
        {
            wrong.push(format!("`cargo {}`: there is no such task", line.trim()));
        }
        for pair in words.windows(2).take_while(|pair| pair[0] != "--") {
            let names_package = matches!(pair[0], "-p" | "--package");
            if names_package && !packages.contains(pair[1].trim_matches(['.', ',', ';', ')'])) {
                wrong.push(format!("`cargo {}`: there is no package {}", line.trim(), pair[1]));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wrong: usize) {
        let packages = BTreeSet::from(["live".to_owned()]);
        assert_eq!(wrong_commands(text, &packages, &["test".to_owned()]).len(), wrong, "{text}");
    }

    #[test]
    fn only_what_exists_may_be_named() {
        check("Run `cargo run --release -p live`, then `cargo xtask test`.", 0);
        check("cargo xtask --help\ncargo run -p live -- -p 80", 0);
        check("Run `cargo xtask bake`.", 1);
        check("cargo test --package nobody\ncargo run -p nothing", 2);
    }
}
