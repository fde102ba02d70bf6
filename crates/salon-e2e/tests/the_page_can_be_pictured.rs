//! The picture of the page that the README shows: a full stage, comments, hearts and a badge.
//!
//! Writes `docs/live.png` when `SALON_BLESS` is 1, and to a folder that goes away otherwise.

use std::path::{Path, PathBuf};

use salon_e2e::person::{Payment, SOON};
use salon_e2e::scenario;

#[test]
fn the_page_can_be_pictured() {
    scenario::run("the_page_can_be_pictured", |scenario| {
        let server = scenario.server()?;
        let studio = scenario.browser()?;
        let host = scenario.person(&studio, &server, "Ada Okafor")?;
        let room = host.go_live("Sunday kitchen: four cooks, one soup")?;
        for name in ["Bruno Costa", "Chidi Ba", "Dagny Holm"] {
            let guest = scenario.person(&studio, &server, name)?;
            guest.open_room(&room)?;
            guest.join_through(&host)?;
            guest.publishes()?;
        }
        let viewer = scenario.person(&scenario.browser()?, &server, "Emeka Obi")?;
        viewer.open_room(&room)?;
        viewer.receives(&[0, 1, 2, 3])?;
        viewer.buy_badge("Chidi Ba", 3, Payment::Approve, "awarded")?;
        viewer.sees_badges("Chidi Ba", 3)?;
        host.comment("Welcome, everyone! What goes in first?")?;
        viewer.comment("Onions. Always onions.")?;
        viewer.page().see("comment", "Welcome", SOON)?;
        host.page().see("comment", "Onions", SOON)?;

        let folder = tempfile::tempdir()?;
        let path = destination(folder.path());
        // Notices fade; the picture should not hold one by chance.
        viewer.page().see_no("notice", "", SOON)?;
        viewer.page().screenshot(&path, 1280, 800)?;
        let bytes = std::fs::metadata(&path)?.len();
        assert!(bytes > 50_000, "{} has {bytes} bytes: an empty page?", path.display());
        Ok(())
    });
}

fn destination(elsewhere: &Path) -> PathBuf {
    if std::env::var_os("SALON_BLESS").is_some_and(|value| value == "1") {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/live.png")
    } else {
        elsewhere.join("live.png")
    }
}
