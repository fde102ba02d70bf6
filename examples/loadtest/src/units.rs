//! Quantities as people write them: `10s`, `50/s`, `0.1%`.

use std::str::FromStr;
use std::time::Duration;

/// A length of time: `500ms`, `10s`, `2m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is no length of time: write 500ms, 10s or 2m");
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(wrong)
}

/// The address of a server: `http://host:port/path`.
pub(crate) fn url(text: &str) -> Result<String, String> {
    with_scheme(text, ["http", "https"])
}

/// The address of an API over WebSocket: `ws://host:port/path`.
pub(crate) fn socket_url(text: &str) -> Result<String, String> {
    with_scheme(text, ["ws", "wss"])
}

fn with_scheme(text: &str, [plain, secure]: [&str; 2]) -> Result<String, String> {
    match text.split_once("://") {
        Some((scheme, rest))
            if [plain, secure].contains(&scheme) && !rest.is_empty() && !rest.starts_with('/') =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!("{text} does not begin like {plain}://host or {secure}://host")),
    }
}

/// So many a second: `50/s`, or just `50`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate(f64);

impl Rate {
    /// The time between one and the next.
    pub(crate) fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix("/s").unwrap_or(text);
        match number.parse() {
            Ok(rate) if (0.01..=10_000.0).contains(&rate) => Ok(Self(rate)),
            _ => Err(format!("{text} is no rate from 0.01/s to 10000/s")),
        }
    }
}

/// A share of a whole: `0.1%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Percent(pub(crate) f64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_suffix('%').unwrap_or(text).parse() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent)),
            _ => Err(format!("{text} is no share from 0% to 100%")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "10", "s", "-1s", "0s", "10h", "NaNs", "1e300s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_name_a_host() {
        assert!(url("http://a").is_ok() && url("https://a:1/b").is_ok());
        assert!(socket_url("ws://a:1").is_ok() && socket_url("http://a").is_err());
        for wrong in ["", "a:80", "ftp://a", "http://", "http:///b"] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_read() {
        assert_eq!("50/s".parse::<Rate>().map(Rate::interval), Ok(Duration::from_millis(20)));
        assert_eq!("0.5".parse::<Rate>().map(Rate::interval), Ok(Duration::from_secs(2)));
        for wrong in ["", "0/s", "-1", "fast", "NaN", "inf"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_are_read() {
        assert_eq!("0.1%".parse(), Ok(Percent(0.1)));
        assert_eq!("5".parse(), Ok(Percent(5.0)));
        for wrong in ["", "-1%", "101%", "all", "NaN"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
    }
}
