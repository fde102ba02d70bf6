//! A badge bought in one browser appears in another, and is still there, once, after the server was killed.

use anyhow::Context as _;
use salon_e2e::person::{Payment, SOON};
use salon_e2e::scenario;
use serde_json::Value;

#[test]
fn badge_is_seen_and_survives_a_kill() {
    scenario::run("badge_is_seen_and_survives_a_kill", |scenario| {
        let server = scenario.server()?;
        let studio = scenario.browser()?;
        let host = scenario.person(&studio, &server, "Ada")?;
        let room = host.go_live("Badges")?;
        let supporter = scenario.person(&studio, &server, "Bruno")?;
        supporter.open_room(&room)?;
        let viewer = scenario.person(&scenario.browser()?, &server, "Emeka")?;
        viewer.open_room(&room)?;

        // A declined payment leaves no trace; an approved one is seen by others, and costs what it said.
        supporter.buy_badge("Ada", 2, Payment::Decline, "declined")?;
        supporter.buy_badge("Ada", 3, Payment::Approve, "awarded")?;
        viewer.sees_badges("Ada", 3)?;
        let catalogue = viewer.page().eval("window.salon.room.view.room.catalogue")?;
        let price = catalogue
            .as_array()
            .and_then(|items| items.iter().find(|item| item["hearts"] == 3))
            .map(|item| item["price"]["minor"].clone())
            .context("no badge of three hearts")?;
        let path = format!("rooms/{room}");
        let before = host.api(&path)?;
        let total = only(&before["totals"])?;
        assert_eq!(total["hearts"], 3, "{before}");
        assert_eq!(total["person"]["name"], "Ada", "{before}");
        let statement = host.api(&format!("{path}/statement"))?;
        assert_eq!(only(&statement["lines"])?["price"]["minor"], price, "{statement}");

        server.kill()?;
        server.restart()?;

        let after = host.api(&path)?;
        assert_eq!(after["phase"], "live", "{after}");
        assert_eq!(after["totals"], before["totals"], "the badge is there");
        assert_eq!(after["supporters"], before["supporters"]);
        assert_eq!(host.api(&format!("{path}/statement"))?, statement, "it was charged once");
        assert_eq!(server.metric("salon_ledger_trial_balance")?, 0.0);

        // Everyone comes back by themselves, and so do picture, sound and badge.
        host.publishes()?;
        viewer.receives(&[0])?;
        viewer.page().reload()?;
        viewer.sees_badges("Ada", 3)?;
        viewer.receives(&[0])?;

        // The ledger goes on where it was.
        supporter.buy_badge("Ada", 1, Payment::Approve, "awarded")?;
        viewer.sees_badges("Ada", 4)?;
        host.end_live()?;
        viewer.page().see("after", "", SOON)?;
        let hearts = only(&host.api(&path)?["totals"])?["hearts"].clone();
        assert_eq!(hearts, 4);
        assert_eq!(server.metric("salon_ledger_trial_balance")?, 0.0);
        Ok(())
    });
}

/// The one entry of a list that has just one.
fn only(list: &Value) -> anyhow::Result<&Value> {
    match list.as_array().map(Vec::as_slice) {
        Some([one]) => Ok(one),
        _ => anyhow::bail!("not a list of one: {list}"),
    }
}
