//! The tree's manners: every file says what it is, functions fit a screen, nothing is left to do.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The longest a function may be, its first and last line included: a screen.
const FUNCTION_LINES_MAX: usize = 70;

/// Where the project's own files are.
const FOLDERS: [&str; 6] =
    ["benches", "crates", "docs", "examples", "fuzz/fuzz_targets", "fuzz/src"];

/// The kinds of file that are read.
const TEXTS: [&str; 7] = ["css", "html", "js", "md", "rs", "sh", "toml"];

/// Words that mark unfinished work, in two parts so that this file does not hold them.
const UNFINISHED: [(&str, &str); 4] =
    [("TO", "DO"), ("FIX", "ME"), ("to", "do!("), ("unimple", "mented!(")];

/// Looks at every file, from the workspace's top folder.
pub(crate) fn check() -> Result<()> {
    let mut files = vec![PathBuf::from("Cargo.toml"), PathBuf::from("README.md")];
    files.retain(|file| file.exists());
    for folder in FOLDERS {
        walk(Path::new(folder), &mut files)?;
    }
    let mut problems = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        problems.extend(problems_of(file, &text));
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n  "));
    }
    println!("{} files", files.len());
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|kind| TEXTS.iter().any(|text| kind == *text)) {
            files.push(path);
        }
    }
    Ok(())
}

fn problems_of(file: &Path, text: &str) -> Vec<String> {
    let name = file.display();
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for (left, right) in UNFINISHED {
            if has_word(line, &format!("{left}{right}")) {
                problems.push(format!("{name}:{number}: {left}{right}"));
            }
        }
    }
    if file.extension().is_some_and(|kind| kind == "rs") {
        if !text.starts_with("//!") {
            problems.push(format!("{name}: does not start with `//!` and what the file is for"));
        }
        if is_product_source(file) {
            for (number, function, lines) in long_functions(text) {
                problems.push(format!(
                    "{name}:{number}: {function} has {lines} lines; {FUNCTION_LINES_MAX} fit a screen"
                ));
            }
        }
    }
    problems
}

/// Whether `word` stands in `line` and is not part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !joins(before) && (word.ends_with('(') || !joins(after))
    })
}

/// Sources of a crate, without those that only tests use.
fn is_product_source(file: &Path) -> bool {
    let parts = file.iter().collect::<Vec<_>>();
    matches!(parts.as_slice(), [top, _, src, ..] if *top == "crates" && *src == "src")
        && !parts.iter().any(|part| *part == "tests" || *part == "tests.rs")
}

/// Line, name and length of each function that is too long, tests at the foot of the file left out.
///
/// Relies on rustfmt: a function ends at the first line that is its own indentation and a brace.
fn long_functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").collect::<Vec<_>>();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indentation}}}");
        let signature = lines[start..].iter().find(|line| line.ends_with(['{', '}', ';']));
        if !signature.is_some_and(|line| line.ends_with('{')) {
            // Without a body, or all of it on one line.
            continue;
        }
        let length = lines[start..].iter().position(|line| *line == end).map_or(1, |last| last + 1);
        if length > FUNCTION_LINES_MAX {
            found.push((start + 1, name.to_owned(), length));
        }
    }
    found
}

/// The name of the function whose definition starts on this line, if one does.
fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| {
        word.starts_with("pub") || matches!(*word, "async" | "const" | "crate)" | "super)")
    });
    (words.next() == Some("fn"))
        .then(|| words.next())?
        .map(|name| name.split(['(', '<']).next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!(
            "    pub(crate) async fn long<T>() {{\n{}    }}\n",
            "        x;\n".repeat(lines - 2)
        )
    }

    #[test]
    fn a_function_of_a_screen_passes_and_one_line_more_does_not() {
        assert_eq!(long_functions(&function(FUNCTION_LINES_MAX)), []);
        let found = long_functions(&function(FUNCTION_LINES_MAX + 1));
        assert_eq!(found, [(1, "long".to_owned(), FUNCTION_LINES_MAX + 1)]);
        let in_tests = format!("#[cfg(test)]\n{}", function(FUNCTION_LINES_MAX + 1));
        assert_eq!(long_functions(&in_tests), []);
    }

    #[test]
    fn a_signature_without_a_body_is_no_long_function() {
        for signature in
            ["    fn short(&self) -> u8;", "    fn short(\n        &self,\n    ) -> u8;"]
        {
            let text = format!("{signature}\n{}    }}\n", "        x;\n".repeat(100));
            assert_eq!(long_functions(&text), []);
        }
    }

    #[test]
    fn unfinished_words_are_found_as_words() {
        let (left, right) = UNFINISHED[0];
        let word = format!("{left}{right}");
        assert!(has_word(&format!("// {word}: later"), &word));
        assert!(!has_word(&format!("{word}S_MAX"), &word));
    }

    #[test]
    fn a_file_without_a_description_is_told() {
        assert_eq!(problems_of(Path::new("crates/a/src/b.rs"), "//! What it is.\n").len(), 0);
        assert_eq!(problems_of(Path::new("crates/a/src/b.rs"), "fn main() {}\n").len(), 1);
    }
}
