//! A walk over the bytes of a frame that allocates nothing: does it keep the limits, and where is an error?
//!
//! It follows strings, numbers and brackets and does not check the grammar: what is not JSON is refused by
//! the decoder that comes after.

use crate::codec::Kind;
use crate::limits::{DEPTH_MAX, INTEGER_MAX, Limits};

/// Checks all of `bytes`. The error carries the path of the value that is too much.
pub(crate) fn check(bytes: &[u8], limits: &Limits) -> Result<(), (String, Kind)> {
    if bytes.len() > limits.frame_bytes {
        let kind = Kind::FrameTooLarge { bytes: bytes.len(), max: limits.frame_bytes };
        return Err(("$".to_owned(), kind));
    }
    let mut walk = Walk::new(bytes, limits, usize::MAX);
    walk.run().map_err(|kind| (walk.path(), kind))
}

/// The path of the value that a decoder was at when it had read the first `read` bytes.
pub(crate) fn path_at(bytes: &[u8], read: usize, limits: &Limits) -> String {
    let mut walk = Walk::new(bytes, limits, read);
    // The bytes passed `check`, so the walk ends there and not at a limit.
    let _within = walk.run();
    walk.path()
}

/// An object or a list that is not closed yet.
#[derive(Clone, Copy)]
struct Open {
    list: bool,
    /// Elements or fields that ended with a comma.
    before: usize,
    /// Where the current field's key is in the bytes, quotes excluded.
    key: Option<(usize, usize)>,
}

struct Walk<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    /// Stop at the first token that starts here or later.
    until: usize,
    at: usize,
    // Invariant: the first `depth` entries are the open objects and lists, outermost first.
    open: [Open; DEPTH_MAX],
    depth: usize,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], limits: &'a Limits, until: usize) -> Self {
        let open = [Open { list: false, before: 0, key: None }; DEPTH_MAX];
        Self { bytes, limits, until, at: 0, open, depth: 0 }
    }

    fn run(&mut self) -> Result<(), Kind> {
        while self.at < self.bytes.len().min(self.until) {
            match self.bytes[self.at] {
                b'"' => self.string()?,
                b'0'..=b'9' | b'-' => self.number()?,
                b'{' => self.enter(false)?,
                b'[' => self.enter(true)?,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.at += 1;
                }
                b',' => self.comma()?,
                _ => self.at += 1,
            }
        }
        Ok(())
    }

    fn enter(&mut self, list: bool) -> Result<(), Kind> {
        let max = self.limits.depth.min(DEPTH_MAX);
        if self.depth >= max {
            return Err(Kind::TooDeep { max });
        }
        self.open[self.depth] = Open { list, before: 0, key: None };
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn comma(&mut self) -> Result<(), Kind> {
        self.at += 1;
        let max = self.limits.list_len;
        if let Some(open) = self.open[..self.depth].last_mut() {
            open.before += 1;
            open.key = None;
            if open.before >= max {
                return Err(Kind::ListTooLong { max });
            }
        }
        Ok(())
    }

    /// A string ends at the first quote that no backslash escapes.
    fn string(&mut self) -> Result<(), Kind> {
        let start = self.at + 1;
        let mut end = start;
        while end < self.bytes.len() && self.bytes[end] != b'"' {
            end += if self.bytes[end] == b'\\' { 2 } else { 1 };
        }
        let end = end.min(self.bytes.len());
        if let Some(open) = self.open[..self.depth].last_mut()
            && !open.list
            && open.key.is_none()
        {
            open.key = Some((start, end));
        }
        let max = self.limits.string_bytes;
        if end - start > max {
            return Err(Kind::StringTooLong { bytes: end - start, max });
        }
        self.at = end + 1;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Kind> {
        let start = self.at;
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        while self.bytes.get(self.at).is_some_and(is_part) {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.bytes[start..self.at]).unwrap_or_default();
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.bytes().all(|byte| byte.is_ascii_digit())
            && digits.parse::<u64>().map_or(!digits.is_empty(), |number| number > INTEGER_MAX)
        {
            return Err(Kind::IntegerTooLarge);
        }
        Ok(())
    }

    /// Such as `$.d.body.d.users[2]`. Keys that are not plain words come from nobody's protocol: `?`.
    fn path(&self) -> String {
        let mut path = "$".to_owned();
        for open in &self.open[..self.depth] {
            if open.list {
                path.push_str(&format!("[{}]", open.before));
            } else if let Some((start, end)) = open.key {
                let key = &self.bytes[start..end];
                let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                path.push('.');
                match std::str::from_utf8(key) {
                    Ok(word) if key.len() <= 40 && key.iter().all(is_plain) => path.push_str(word),
                    _ => path.push('?'),
                }
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { frame_bytes: 64, depth: 3, string_bytes: 8, list_len: 3 };

    #[track_caller]
    fn check(json: &str, expected: Result<(), (&str, Kind)>) {
        let expected = expected.map_err(|(path, kind)| (path.to_owned(), kind));
        assert_eq!(super::check(json.as_bytes(), &SMALL), expected, "{json}");
    }

    #[test]
    fn limits_hold_at_the_bound_and_refuse_beyond_it() {
        check(r#"{"a":[[1,2,3]]}"#, Ok(()));
        check(r#"{"a":[[[1]]]}"#, Err(("$.a[0][0]", Kind::TooDeep { max: 3 })));
        check(r#"{"a":[1,2,3,4]}"#, Err(("$.a[3]", Kind::ListTooLong { max: 3 })));
        check(r#"{"a":1,"b":2,"c":3,"d":4}"#, Err(("$", Kind::ListTooLong { max: 3 })));
        check(r#"{"b":["12345678"]}"#, Ok(()));
        let long = Kind::StringTooLong { bytes: 9, max: 8 };
        check(r#"{"b":[0,"123456789"]}"#, Err(("$.b[1]", long.clone())));
        check(r#"{"b":"1234\"6789"}"#, Err(("$.b", Kind::StringTooLong { bytes: 10, max: 8 })));
        check(r#"{"123456789":1}"#, Err(("$.123456789", long)));
        check(r#"{"n":-9007199254740992}"#, Ok(()));
        check(r#"{"n":9007199254740993}"#, Err(("$.n", Kind::IntegerTooLarge)));
        check(r#"{"n":99999999999999999999999}"#, Err(("$.n", Kind::IntegerTooLarge)));
        let large = Kind::FrameTooLarge { bytes: 65, max: 64 };
        check(&" ".repeat(65), Err(("$", large)));
    }

    #[test]
    fn paths_lead_to_the_value_last_read() {
        let json = r#"{"a":{"b":[1,{"c":"x,]}"}],"weird key":2}}"#;
        let path = |part: &str| {
            let read = json.find(part).unwrap() + part.len();
            path_at(json.as_bytes(), read, &Limits::CLIENT)
        };
        assert_eq!(path(r#""x,]}""#), "$.a.b[1].c");
        assert_eq!(path(r#""x,]}"}"#), "$.a.b[1]");
        assert_eq!(path(r#""x,]}"}]"#), "$.a.b");
        assert_eq!(path("[1"), "$.a.b[0]");
        assert_eq!(path("key\":2"), "$.a.?");
        assert_eq!(path("2}}"), "$");
    }
}
