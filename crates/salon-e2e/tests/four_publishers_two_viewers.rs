//! Four people on stage, two who watch: everything reaches everyone, and the stage holds no fifth.

use salon_e2e::scenario;

#[test]
fn four_publishers_two_viewers() {
    scenario::run("four_publishers_two_viewers", |scenario| {
        let server = scenario.server()?;
        let studio = scenario.browser()?;
        let host = scenario.person(&studio, &server, "Ada")?;
        let room = host.go_live("Four of us")?;
        let mut guests = Vec::new();
        for name in ["Bruno", "Chidi", "Dagny"] {
            let guest = scenario.person(&studio, &server, name)?;
            guest.open_room(&room)?;
            guest.join_through(&host)?;
            guests.push(guest);
        }

        let mut viewers = Vec::new();
        for name in ["Emeka", "Freya"] {
            let viewer = scenario.person(&scenario.browser()?, &server, name)?;
            viewer.open_room(&room)?;
            viewers.push(viewer);
        }
        for viewer in &viewers {
            viewer.sees_on_stage(&["Ada", "Bruno", "Chidi", "Dagny"])?;
            viewer.receives(&[0, 1, 2, 3])?;
        }
        host.receives(&[1, 2, 3])?;

        viewers[0].ask_for_seat()?;
        let sentence = viewers[0].is_refused("seats_full")?;
        assert_eq!(sentence, "All seats are taken. Try again when one is free.");
        viewers[0].sees_on_stage(&["Ada", "Bruno", "Chidi", "Dagny"])?;

        // The last seat changes hands: a message for the viewers, not another offer.
        guests[2].leave_seat()?;
        for viewer in &viewers {
            viewer.sees_on_stage(&["Ada", "Bruno", "Chidi"])?;
        }
        viewers[1].join_through(&host)?;
        viewers[0].sees_on_stage(&["Ada", "Bruno", "Chidi", "Freya"])?;
        viewers[0].receives(&[0, 1, 2, 3])?;
        guests[2].receives(&[3])?;
        for person in guests.iter().chain(&viewers).chain([&host]) {
            person.negotiated_once()?;
        }
        host.end_live()?;
        viewers[0].page().see("after", "", salon_e2e::person::SOON)?;
        server.stop()?;
        Ok(())
    });
}
