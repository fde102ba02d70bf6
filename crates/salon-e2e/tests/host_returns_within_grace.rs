//! A host whose page is loaded anew comes back to the same live, and nobody else has to do anything.

use salon_e2e::person::SOON;
use salon_e2e::scenario;

#[test]
fn host_returns_within_grace() {
    scenario::run("host_returns_within_grace", |scenario| {
        let server = scenario.server()?;
        let host = scenario.person(&scenario.browser()?, &server, "Ada")?;
        let room = host.go_live("Back in a second")?;
        let viewer = scenario.person(&scenario.browser()?, &server, "Emeka")?;
        viewer.open_room(&room)?;
        viewer.receives(&[0])?;
        let stint = "e2e.find('[data-testid=tile]', 'Ada').dataset.stint";
        let before = viewer.page().eval(stint)?;

        host.page().reload()?;
        host.page().see("end-live", "", SOON)?;
        host.publishes()?;
        viewer.receives(&[0])?;
        viewer.sees_on_stage(&["Ada"])?;
        assert_eq!(
            viewer.page().eval(stint)?,
            before,
            "the same stay, so badges still count for it"
        );
        viewer.negotiated_once()?;

        host.end_live()?;
        viewer.page().see("after", "", SOON)?;
        Ok(())
    });
}
