//! Every way to a seat and away from it, as the host, the guests and one viewer see it.

use salon_e2e::person::SOON;
use salon_e2e::scenario;

#[test]
fn guests_come_and_go() {
    scenario::run("guests_come_and_go", |scenario| {
        let server = scenario.server()?;
        let browser = scenario.browser()?;
        let person = |name| scenario.person(&browser, &server, name);
        let (host, bruno, chidi, dagny) =
            (person("Ada")?, person("Bruno")?, person("Chidi")?, person("Dagny")?);
        let room = host.go_live("Come and go")?;
        for guest in [&bruno, &chidi, &dagny] {
            guest.open_room(&room)?;
        }
        let viewer = scenario.person(&scenario.browser()?, &server, "Emeka")?;
        viewer.open_room(&room)?;
        viewer.sees_on_stage(&["Ada"])?;

        // A request taken back, and one turned down, which leaves a pause.
        bruno.request_seat()?;
        host.page().see("request-count", "1", SOON)?;
        bruno.withdraw_request()?;
        host.page().see_no("request-count", "", SOON)?;
        bruno.request_seat()?;
        host.decline_request("Bruno")?;
        bruno.is_refused("request_declined")?;
        bruno.ask_for_seat()?;
        bruno.is_refused("cooldown")?;

        // An invitation turned down, and one taken.
        host.invite("Dagny")?;
        dagny.decline_invite()?;
        host.invite("Chidi")?;
        chidi.accept_invite()?;
        chidi.confirm_ready()?;
        viewer.sees_on_stage(&["Ada", "Chidi"])?;
        viewer.receives(&[0, 1])?;

        // An accepted request that is not taken, and one that is.
        dagny.request_seat()?;
        host.accept_request("Dagny")?;
        dagny.cancel_ready()?;
        viewer.sees_on_stage(&["Ada", "Chidi"])?;
        let emeka = &viewer;
        emeka.join_through(&host)?;
        chidi.sees_on_stage(&["Ada", "You", "Emeka"])?;
        chidi.receives(&[0, 2])?;
        emeka.sees_on_stage(&["Ada", "Chidi", "You"])?;

        // Removed by the host, and gone by oneself.
        host.remove_guest("Chidi")?;
        chidi.page().see_no("leave-seat", "", SOON)?;
        chidi.sees_on_stage(&["Ada", "Emeka"])?;
        emeka.leave_seat()?;
        for person in [&host, &bruno, &chidi, &dagny, emeka] {
            let host_tile = if person.name() == "Ada" { "You" } else { "Ada" };
            person.sees_on_stage(&[host_tile])?;
        }

        // Whatever happened on stage, nobody's media was negotiated again.
        for person in [&host, &bruno, &chidi, &dagny, emeka] {
            person.negotiated_once()?;
        }
        bruno.receives(&[0])?;
        Ok(())
    });
}
