//! On a path that loses 2 % of the media, lost pictures are sent again: the viewer's picture goes on.

use std::time::Duration;

use anyhow::{Result, ensure};
use salon_e2e::person::SOON;
use salon_e2e::relay::{Loss, Relay};
use salon_e2e::{Scenario, Server, scenario};

/// Long enough for a hundred frames and several losses.
const SPAN: Duration = Duration::from_secs(9);
/// Frames that must be decoded, of those encoded. A repair comes within a round trip and costs no frame; the rest is
/// for decoders and readings of a busy machine. Without repair the picture would stop at the first loss.
const SHARE_MIN: f64 = 0.8;
/// The picture may stand still for two readings, as a busy machine makes it.
const PAUSE_MAX: Duration = Duration::from_millis(1_600);
/// A guess: a busy machine freezes a picture now and then, losses every second would show.
const FREEZES_MAX: u64 = 3;
/// Keyframes that may be asked for: one, for the last packet of a picture that no other follows in time.
const KEYFRAMES_MAX: u64 = 1;

#[test]
fn loss_is_repaired() {
    scenario::run("loss_is_repaired", |scenario| {
        let server = scenario.server()?;
        check(scenario, &server, "vp8", 1)?;
        check(scenario, &server, "h264", 2)
    });
}

fn check(scenario: &Scenario, server: &Server, codec: &str, seed: u64) -> Result<()> {
    let url = format!("{}?codec={codec}", server.url());
    let host = scenario.person_at(&scenario.browser()?, &url, "Ada")?;
    let room = host.go_live("A bad connection")?;
    let relay = Relay::start(server, seed)?;
    let viewer = scenario.person(&scenario.browser()?, server, "Emeka")?;
    viewer.goes_through(&relay)?;
    viewer.open_room(&room)?;
    viewer.receives(&[0])?;

    relay.lose(Loss::TWO_PERCENT);
    let encoded = host.frames_encoded()?;
    let playback = viewer.watches_for(SPAN)?;
    let encoded = host.frames_encoded()?.saturating_sub(encoded);
    relay.lose(Loss::None);
    let (first, last) = (playback.first(), playback.last());
    let count = relay.counts().get(&last.ssrc).copied().unwrap_or_default();
    // The last repairs are still under way.
    let repaired = first.retransmitted_packets_received + count.dropped;
    let condition = format!(
        "e2e.inbound().then(all => all.some(one => one.ssrc === {} && one.retransmittedPacketsReceived >= {repaired}))",
        last.ssrc
    );
    let every_loss = format!("{codec}: all of {count:?} to be repaired after {last:?}");
    viewer.page().wait_for(&condition, SOON, &every_loss)?;

    let settled = viewer.picture()?;
    let freezes = settled.freeze_count - first.freeze_count;
    let keyframes = settled.pli_count - first.pli_count;
    let share = playback.frames() as f64 / encoded as f64;
    scenario.report(&format!(
        "{codec}: {} of {encoded} frames decoded, {count:?}, asked for {} times, {} repairs, {keyframes} \
         keyframes asked for, {freezes} freezes, longest pause {:?}",
        playback.frames(),
        settled.nack_count - first.nack_count,
        settled.retransmitted_packets_received - first.retransmitted_packets_received,
        playback.longest_pause(),
    ));
    ensure!(count.dropped > 0, "{codec}: nothing was lost of {count:?}");
    ensure!(settled.nack_count > first.nack_count, "{codec}: nothing was asked for: {settled:?}");
    ensure!(share >= SHARE_MIN, "{codec}: {share:.2} of {encoded} frames were decoded");
    ensure!(
        playback.longest_pause() <= PAUSE_MAX,
        "{codec}: the picture stood still: {playback:?}"
    );
    ensure!(freezes <= FREEZES_MAX, "{codec}: {freezes} freezes: {first:?}, {settled:?}");
    ensure!(keyframes <= KEYFRAMES_MAX, "{codec}: {keyframes} keyframes: {first:?}, {settled:?}");
    viewer.negotiated_once()?;
    host.end_live()
}
