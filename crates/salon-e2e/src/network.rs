//! A network that no other program is on, for Firefox: it takes no loopback address for media, whatever its
//! preferences say, and a test must not listen where the real network reaches it.
//!
//! The test runs itself again in a network namespace of its own. There one end of a cable between two virtual network
//! cards has an address; nothing leads outside, and all of it is gone when the test ends.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};

/// Set for a test that runs in its own network.
const MARK: &str = "SALON_E2E_PRIVATE_NETWORK";
/// RFC 5737, 3: for documentation, so nobody has it.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
/// Firefox looks for its own address on the way to the internet, so there has to be one; it ends at the cable's
/// other end. No card gets an address of its own making (IPv6, a second after it is up): Chromium ends every
/// request when addresses change. Then the test runs.
const SET_UP: &str = "ip link set lo up && ip link add salon0 type veth peer name salon1 \
    && ip link set salon0 addrgenmode none && ip link set salon1 addrgenmode none \
    && ip address add 198.51.100.7/24 dev salon0 && ip link set salon1 up && ip link set salon0 up \
    && ip route add default via 198.51.100.8 dev salon0 && exec \"$@\"";

/// Whether this test runs in a network of its own.
pub(crate) fn is_private() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Where the server is to take media.
pub(crate) fn media_ip() -> IpAddr {
    if is_private() { ADDRESS.into() } else { Ipv4Addr::LOCALHOST.into() }
}

/// Whether the system lets this test have a network of its own.
pub(crate) fn can_be_private() -> bool {
    inside("true", &[]).is_ok_and(|output| output.status.success())
}

/// Runs the test of this name, of this program, in a network of its own.
///
/// # Errors
/// The test fails; what it printed is the error.
pub(crate) fn run_inside(name: &str) -> Result<()> {
    let program = std::env::current_exe()?;
    let program = program.to_str().context("the test's path is not UTF-8")?;
    let output = inside(program, &[name, "--exact", "--color=never"])?;
    // Both, because the harness captures panics in one and the driver reports on the other.
    let printed =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    // A name that matches no test would succeed too.
    let ran = output.status.success() && printed[0].contains("1 passed");
    ensure!(ran, "in a private network: {}", printed.join("\n"));
    // Straight to the stream: the harness captures only what the print macros write.
    let _ = std::io::stderr().write_all(printed[1].as_bytes());
    Ok(())
}

fn inside(program: &str, arguments: &[&str]) -> std::io::Result<Output> {
    // With a user namespace around it, so that it takes no root where the system allows that.
    Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--net",
            "--kill-child",
            "sh",
            "-c",
            SET_UP,
            "sh",
            program,
        ])
        .args(arguments)
        .env(MARK, "yes")
        .output()
}
