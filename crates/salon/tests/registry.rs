//! `docs/ERRORS.md` lists every code a client can meet. `SALON_BLESS=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use salon_room::Rejection;
use salon_signal::error::Code;

const HEAD: &str = "\
# Errors

Every refusal a client can meet. Codes never change their meaning. The class says what to do: `fix` ask for something \
else, `retry` ask again, `retry_after` ask again at the time given, `reauth` sign in again, `resync` take a snapshot, \
`rejoin` connect again, `gone` stop asking.

| code | name | class | |
|---|---|---|---|
";

/// A class as the wire writes it.
fn word(class: &str) -> String {
    let mut word = String::new();
    for letter in class.chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(letter.to_lowercase());
    }
    word
}

fn registry() -> String {
    let mut text = HEAD.to_owned();
    let mut row = |code: u16, name: &str, class: &str, says: &str| {
        writeln!(text, "| {code} | `{name}` | {} | {says} |", word(class)).expect("a string grows");
    };
    for rejection in Rejection::every() {
        let class = format!("{:?}", rejection.class());
        row(rejection.code(), rejection.name(), &class, &rejection.message());
    }
    for code in Code::ALL {
        row(code.number(), code.name(), &format!("{:?}", code.class()), "the protocol's own");
    }
    text
}

#[test]
fn every_error_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ERRORS.md");
    let text = registry();
    if std::env::var_os("SALON_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &text).expect("docs can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/ERRORS.md is not as the code has it: run with SALON_BLESS=1");
}
