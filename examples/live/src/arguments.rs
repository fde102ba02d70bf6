//! The command line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU8;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use salon::MediaFeedback;

/// Salon on one machine: go live from a browser, be watched, be joined, be tipped.
///
/// Nothing needs to be set. Start it, open the address it prints, and press Go live; every other
/// window or device that opens the address can watch, ask to join, comment and buy badges (with
/// a sandbox: no money moves).
#[derive(Clone, Debug, Parser)]
#[command(version, about, long_about)]
pub(crate) struct Arguments {
    /// Where to serve the page [default: 127.0.0.1:8080, or 0.0.0.0:8443 with --lan]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Where to receive and send media, over UDP [default: a free port of the same address]
    #[arg(long, value_name = "ADDRESS:PORT")]
    udp: Option<SocketAddr>,

    /// How many threads serve media; each takes a UDP port of its own, from that of --udp upwards
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub(crate) media_threads: NonZeroU8,

    /// Address that browsers reach media at, if it is not one of this machine's own, as behind a
    /// NAT that forwards the UDP port; may be given more than once
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) public_ip: Vec<IpAddr>,

    /// What viewers are asked to tell about how media arrives: receiver reports, or these and transport-wide feedback,
    /// which is counted so far and nothing more
    #[arg(long, value_enum, default_value_t = Feedback::Reports)]
    pub(crate) feedback: Feedback,

    /// Where rooms and the ledger are kept; made if it does not exist
    #[arg(long, value_name = "DIRECTORY", default_value = "data")]
    pub(crate) data_dir: PathBuf,

    /// Serve phones and computers on the same network, over HTTPS with a certificate made on
    /// first use, and print the address as a QR code
    #[arg(long)]
    pub(crate) lan: bool,

    /// What to log: error, warn, info, debug or trace, or per module as in "info,salon=debug"
    #[arg(long, value_name = "FILTER", default_value = "warn,str0m=error")]
    pub(crate) log: String,
}

/// What viewers are asked to tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Feedback {
    Reports,
    TransportWide,
}

impl From<Feedback> for MediaFeedback {
    fn from(feedback: Feedback) -> Self {
        match feedback {
            Feedback::Reports => Self::Reports,
            Feedback::TransportWide => Self::TransportWide,
        }
    }
}

impl Arguments {
    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| {
            if self.lan {
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8443))
            } else {
                SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))
            }
        })
    }

    pub(crate) fn udp(&self) -> SocketAddr {
        self.udp.unwrap_or_else(|| SocketAddr::new(self.listen().ip(), 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn media_follows_the_page_unless_told_otherwise() {
        let udp = |arguments: &[&str]| {
            let words = std::iter::once("live").chain(arguments.iter().copied());
            Arguments::parse_from(words).udp().to_string()
        };
        assert_eq!(udp(&[]), "127.0.0.1:0");
        assert_eq!(udp(&["--lan"]), "0.0.0.0:0");
        assert_eq!(udp(&["--udp", "10.0.0.1:9"]), "10.0.0.1:9");
    }
}
