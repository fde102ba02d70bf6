//! A real Firefox, headless, with fake cameras: started with a fresh profile, spoken to over WebDriver BiDi, which
//! Firefox serves itself.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::bidi;
use crate::browser::{Ending, profile};
use crate::connection::{ANSWER_MAX, Connection};

/// How long Firefox may take to say where it listens. Generous: a fresh profile is made first.
const START_MAX: Duration = Duration::from_secs(60);

/// Cameras and microphones that need no hardware and no consent, sound without a tap, ICE over the loopback, English,
/// and nothing fetched from Mozilla: no settings, no updates, no plug-in for H264.
const PREFERENCES: [(&str, &str); 17] = [
    ("media.navigator.streams.fake", "true"),
    ("media.navigator.permission.disabled", "true"),
    ("media.autoplay.default", "0"),
    ("media.autoplay.blocking_policy", "0"),
    ("media.peerconnection.ice.loopback", "true"),
    ("media.peerconnection.ice.obfuscate_host_addresses", "false"),
    ("media.gmp-manager.updateEnabled", "false"),
    ("media.gmp-provider.enabled", "false"),
    ("intl.accept_languages", "\"en-US\""),
    ("services.settings.server", "\"data:,#remote-settings-dummy/v1\""),
    ("app.normandy.enabled", "false"),
    ("app.update.disabledForTesting", "true"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("toolkit.telemetry.reportingpolicy.firstRun", "false"),
];

/// One running Firefox with a profile of its own. Ends when dropped.
pub(crate) struct Process {
    connection: Connection,
    ending: Ending,
}

impl Process {
    /// Starts the program at `program`.
    pub(crate) fn launch(program: &Path) -> Result<Self> {
        let profile = profile()?;
        let lines = PREFERENCES.map(|(name, value)| format!("user_pref(\"{name}\", {value});\n"));
        fs::write(profile.path().join("user.js"), lines.concat())?;
        let log = File::create(profile.path().join("browser.log"))?;
        let child = Command::new(program)
            .args(["--headless", "--no-remote", "--remote-debugging-port=0", "--profile"])
            .arg(profile.path())
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let place = profile.path().join("WebDriverBiDiServer.json");
        let mut ending = Ending::new(child, profile);
        let opened = printed_address(&place, &mut ending).and_then(bidi::open);
        let (connection, on_gone) = opened
            .with_context(|| format!("{} does not answer: {}", program.display(), ending.log()))?;
        ending.announced_by(on_gone);
        let wishes = json!({ "capabilities": {} });
        connection.call("session.new", wishes, ANSWER_MAX)?;
        let events = json!({ "events": ["log.entryAdded"] });
        connection.call("session.subscribe", events, ANSWER_MAX)?;
        Ok(Self { connection, ending })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.ending.ask(&self.connection, "browser.close");
    }
}

/// Waits for the file in its profile in which Firefox says where it listens.
fn printed_address(file: &Path, ending: &mut Ending) -> Result<SocketAddr> {
    let deadline = Instant::now() + START_MAX;
    loop {
        // Absent at first, and then for a moment without its end.
        let told = fs::read(file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        if let Some(port) = told.and_then(|told| told["ws_port"].as_u64()) {
            return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port)?)));
        }
        if ending.has_come() {
            bail!("it ended before it said where it listens");
        }
        if Instant::now() > deadline {
            bail!("it did not say within {START_MAX:?} where it listens");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
