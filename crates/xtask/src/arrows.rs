//! The architecture: which crate may know which, and which stay pure.
//!
//! `docs/ARCHITECTURE.md` holds one fenced block that starts with ```` ```arrows ````. Its lines read
//! `salon-room -> salon-core, salon-x` (a dependency), `salon-store ~> salon-room` (one that only tests have)
//! and `pure: salon-core, salon-room` (crates that reach no runtime, socket or database). The block and the
//! workspace must say the same.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/ARCHITECTURE.md";

/// What no pure crate may reach, directly or not: the ways to a task, a socket or a disk.
const IMPURE: [&str; 8] =
    ["async-std", "axum", "hyper", "mio", "rusqlite", "socket2", "str0m", "tokio"];

/// What the document says.
#[derive(Debug, Default, Eq, PartialEq)]
struct Table {
    arrows: BTreeSet<(String, String)>,
    test_arrows: BTreeSet<(String, String)>,
    pure: BTreeSet<String>,
}

/// Compares the document with the workspace.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let table = read(workspace)?;
    let mut problems = compare(&table.arrows, &workspace.arrows, "->");
    problems.extend(compare(&table.test_arrows, &workspace.test_arrows, "~>"));
    for name in &table.pure {
        if !workspace.members.contains(name) {
            problems.push(format!("{DOCUMENT} calls {name} pure, but there is no such crate"));
        }
        let reached = workspace.reach(name);
        for impure in IMPURE.into_iter().filter(|impure| reached.contains(impure)) {
            problems.push(format!(
                "{name} is pure but reaches {impure}: cargo tree -e normal -i {impure}"
            ));
        }
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n  "));
    }
    Ok(())
}

/// The crates that the document calls pure.
pub(crate) fn pure_crates(workspace: &Workspace) -> Result<BTreeSet<String>> {
    Ok(read(workspace)?.pure)
}

fn read(workspace: &Workspace) -> Result<Table> {
    let document = std::fs::read_to_string(workspace.root.join(DOCUMENT)).context(DOCUMENT)?;
    parse(&document)
}

/// What one side says and the other does not.
fn compare(
    listed: &BTreeSet<(String, String)>,
    real: &BTreeSet<(String, String)>,
    arrow: &str,
) -> Vec<String> {
    let missing = real.difference(listed).map(|(from, to)| {
        format!("{DOCUMENT} does not allow `{from} {arrow} {to}`: remove the dependency, or add the arrow")
    });
    let extra = listed.difference(real).map(|(from, to)| {
        format!("{DOCUMENT} lists `{from} {arrow} {to}`, which no Cargo.toml has")
    });
    missing.chain(extra).collect()
}

fn parse(document: &str) -> Result<Table> {
    let mut lines = document.lines().skip_while(|line| line.trim() != "```arrows");
    lines.next().with_context(|| format!("{DOCUMENT} has no block that starts with ```arrows"))?;
    let mut table = Table::default();
    for line in lines.take_while(|line| line.trim() != "```").filter(|line| !line.trim().is_empty())
    {
        if let Some(names) = line.trim().strip_prefix("pure:") {
            table.pure.extend(list(names));
        } else if let Some((from, to)) = line.split_once("->") {
            table.arrows.extend(list(to).map(|to| (from.trim().to_owned(), to)));
        } else if let Some((from, to)) = line.split_once("~>") {
            table.test_arrows.extend(list(to).map(|to| (from.trim().to_owned(), to)));
        } else {
            bail!("{DOCUMENT}: `{line}` is neither `a -> b`, `a ~> b` nor `pure: a`");
        }
    }
    Ok(table)
}

fn list(names: &str) -> impl Iterator<Item = String> {
    names.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn the_block_is_read() {
        let document = "x -> y\n```arrows\na -> b, c\n\nb ~> d\npure: a b\n```\ny -> z\n";
        let table = parse(document).unwrap();
        assert_eq!(table.arrows, BTreeSet::from([pair("a", "b"), pair("a", "c")]));
        assert_eq!(table.test_arrows, BTreeSet::from([pair("b", "d")]));
        assert_eq!(table.pure, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        assert!(parse("no block").is_err());
        assert!(parse("```arrows\nnonsense\n```").is_err());
    }

    #[test]
    fn both_kinds_of_difference_are_told() {
        let listed = BTreeSet::from([pair("a", "b"), pair("a", "c")]);
        let real = BTreeSet::from([pair("a", "b"), pair("b", "c")]);
        let problems = compare(&listed, &real, "->");
        assert_eq!(problems.len(), 2);
        assert!(problems[0].contains("does not allow `b -> c`"));
        assert!(problems[1].contains("lists `a -> c`"));
    }
}
