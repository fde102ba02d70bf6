//! aiortc, a client that shares no code with any browser, watches VP8 and H264, also on a path that loses 2 %.

use std::time::Duration;

use anyhow::{Result, ensure};
use salon_e2e::aiortc::{self, Watched};
use salon_e2e::relay::{Loss, Relay};
use salon_e2e::tool::Tool;
use salon_e2e::{Scenario, Server, scenario};

/// Long enough for two hundred packets of pictures, and so for four losses.
const SPAN: Duration = Duration::from_secs(6);
/// Of the 15 frames and 50 packets of sound a second that the host sends: half is left for a busy machine, whose
/// encoder slows down. A picture that stopped would show none.
const FRAMES_PER_SECOND_MIN: f64 = 7.0;
/// Sound is decoded in frames of 20 ms.
const SOUNDS_PER_SECOND_MIN: f64 = 25.0;

#[test]
fn aiortc_watches() {
    scenario::run_with("aiortc_watches", &[Tool::Chromium, Tool::Aiortc], |scenario| {
        let server = scenario.server()?;
        check(scenario, &server, "vp8")?;
        check(scenario, &server, "h264")
    });
}

fn check(scenario: &Scenario, server: &Server, codec: &str) -> Result<()> {
    let url = format!("{}?codec={codec}", server.url());
    let host = scenario.person_at(&scenario.browser()?, &url, "Ada")?;
    let room = host.go_live("Seen from Python")?;
    host.publishes()?;

    let watched = aiortc::watches(scenario, server, &room, SPAN, None)?;
    scenario.report(&format!("{codec}: {:?}", watched.only("video")?));
    goes_on(&watched, codec)?;
    for slot in &watched.slots {
        ensure!(slot.lost == 0, "{codec}: packets were lost on a path that loses none: {slot:?}");
    }

    let relay = Relay::start(server, 3)?;
    relay.lose(Loss::TWO_PERCENT);
    let watched = aiortc::watches(scenario, server, &room, SPAN, Some(&relay))?;
    let picture = watched.only("video")?;
    scenario.report(&format!("{codec}, 2 % lost: {picture:?}"));
    goes_on(&watched, codec)?;
    ensure!(picture.lost > 0, "{codec}: the relay lost nothing: {picture:?}");
    // One may be lost as the counting ends, and be repaired after it.
    let repaired = i64::try_from(picture.repaired)?;
    ensure!(repaired >= picture.lost - 1, "{codec}: not every loss was repaired: {picture:?}");
    host.end_live()
}

/// Pictures and sound of the one seat are decoded all the time.
fn goes_on(watched: &Watched, codec: &str) -> Result<()> {
    let (picture, sound) = (watched.only("video")?, watched.only("audio")?);
    let per_second = |frames: u64| frames as f64 / watched.seconds;
    let enough = per_second(picture.frames) >= FRAMES_PER_SECOND_MIN
        && per_second(sound.frames) >= SOUNDS_PER_SECOND_MIN;
    ensure!(enough, "{codec}: too few frames in {} s: {picture:?}, {sound:?}", watched.seconds);
    ensure!(picture.width > 0, "{codec}: a picture without width: {picture:?}");
    Ok(())
}
