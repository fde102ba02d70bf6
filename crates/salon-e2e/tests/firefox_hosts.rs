//! A host in Firefox, a viewer in Chromium. VP8 only: Firefox's H264 is a plug-in downloaded from its makers.

use salon_e2e::scenario;
use salon_e2e::tool::Tool;

#[test]
fn firefox_hosts() {
    scenario::run_with("firefox_hosts", &[Tool::Chromium, Tool::Firefox], |scenario| {
        let server = scenario.server()?;
        let host = scenario.person(&scenario.firefox()?, &server, "Ada")?;
        let room = host.go_live("From a fox")?;
        host.publishes()?;
        let viewer = scenario.person(&scenario.browser()?, &server, "Emeka")?;
        viewer.open_room(&room)?;
        viewer.receives(&[0])?;
        // Twice: it goes on.
        viewer.receives(&[0])?;
        scenario.report(&format!("{:?}", viewer.picture()?));
        viewer.sees_on_stage(&["Ada"])?;
        viewer.negotiated_once()?;
        host.end_live()
    });
}
