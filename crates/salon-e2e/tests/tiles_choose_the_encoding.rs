//! A host sends several encodings; a viewer gets the one that its tile needs, and the host stops sending what nobody watches.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use salon_e2e::Person;
use salon_e2e::scenario;

/// Longer than a layer stays wanted that nobody watches, and than an encoder takes to begin anew on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Waits until the picture of seat 0 has so many rows.
fn rows_become(viewer: &Person, rows: u64) -> Result<()> {
    let condition = format!(
        "(async () => (await window.salon.stats()).slots
            .some(({{ slot, kind, frameHeight }}) => {{
                if (slot !== 0 || kind !== 'video') return false;
                if (frameHeight !== {rows}) throw `it has ${{frameHeight}}`;
                return true;
            }}))()"
    );
    viewer.page().wait_for(&condition, LIMIT, &format!("a picture of {rows} rows")).map(drop)
}

/// Waits until the host sends exactly these encodings.
fn sends(host: &Person, rows: &str) -> Result<()> {
    let condition = format!(
        "(async () => {{
            const active = (await window.salon.stats()).publisher.encodings.filter((one) => one.active);
            const rows = active.map((one) => one.rows).sort((a, b) => a - b).join(' ');
            if (rows !== '{rows}') throw `it sends ${{rows}}`;
            return true;
        }})()"
    );
    host.page().wait_for(&condition, LIMIT, &format!("encodings of {rows} rows")).map(drop)
}

#[test]
fn tiles_choose_the_encoding() {
    scenario::run("tiles_choose_the_encoding", |scenario| {
        let server = scenario.server()?;
        let url = format!("{}?camera=640x480", server.url());
        let host = scenario.person_at(&scenario.browser()?, &url, "Ada")?;
        let room = host.go_live("Large and small")?;
        let viewer = scenario.person(&scenario.browser()?, &server, "Emeka")?;
        // As large as the larger encoding.
        viewer.page().resize((854, 480))?;
        viewer.open_room(&room)?;
        viewer.receives(&[0])?;
        rows_become(&viewer, 480)?;
        sends(&host, "240 480")?;

        viewer.page().resize((360, 180))?;
        rows_become(&viewer, 240)?;
        // What nobody watches is not sent, but the smallest is: whoever comes next starts with it.
        sends(&host, "240")?;
        viewer.page().resize((854, 480))?;
        rows_become(&viewer, 480)?;
        sends(&host, "240 480")?;

        let video = viewer.received()?.into_iter().find(|one| one.slot == 0 && one.kind == "video");
        let video = video.context("a seat without statistics")?;
        ensure!(video.frame_height == 480, "{video:?}");
        viewer.negotiated_once()
    });
}
