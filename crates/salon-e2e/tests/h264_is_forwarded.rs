//! A host who sends H264 and a guest who sends VP8, side by side for one viewer.

use anyhow::Context as _;
use salon_e2e::scenario;

#[test]
fn h264_is_forwarded() {
    scenario::run("h264_is_forwarded", |scenario| {
        let server = scenario.server()?;
        let studio = scenario.browser()?;
        let url = format!("{}?codec=h264", server.url());
        let host = scenario.person_at(&studio, &url, "Ada")?;
        let room = host.go_live("Two codecs")?;
        let guest = scenario.person(&studio, &server, "Bruno")?;
        guest.open_room(&room)?;
        guest.join_through(&host)?;

        let viewer = scenario.person(&scenario.browser()?, &server, "Emeka")?;
        viewer.open_room(&room)?;
        viewer.receives(&[0, 1])?;
        let received = viewer.received()?;
        for (seat, codec) in [(0, "video/H264"), (1, "video/VP8")] {
            let video = received
                .iter()
                .find(|one| one.slot == seat && one.kind == "video")
                .context("a seat without statistics")?;
            assert_eq!(video.codec.as_deref(), Some(codec), "seat {seat}");
            assert!(video.frame_width > 0, "seat {seat} has no picture: {video:?}");
        }
        Ok(())
    });
}
