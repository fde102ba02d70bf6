//! The driver itself, on a tiny page of its own: scripts, waiting, clicks, typing, pictures and fake cameras.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Result, ensure};
use salon_e2e::scenario;
use serde_json::json;

const SOON: Duration = Duration::from_secs(20);

/// A button that counts, a field that echoes, one control inside a shadow root, one that is covered, and a
/// camera that is sent to itself through two peer connections.
const PAGE: &str = r#"<!doctype html><title>driver</title>
<body style="margin:0;background:#246">
<button data-testid=count onclick="this.textContent = 1 + Number(this.textContent)">0</button>
<input data-testid=field oninput="echo.textContent = this.value"><p id=echo data-testid=echo></p>
<button data-testid=pick onclick="picked = 1">one</button>
<button data-testid=pick aria-label=two onclick="picked = 2">2</button>
<dialog id=dialog data-testid=dialog>sheet</dialog>
<div id=host></div>
<div style="position:relative;width:80px;height:40px"><button data-testid=covered>x</button>
  <div style="position:absolute;inset:0"></div></div>
<p data-testid=hidden hidden>never seen</p>
<script>
  host.attachShadow({ mode: "open" }).innerHTML = "<button data-testid=inside>in</button>";
  host.shadowRoot.querySelector("button").onclick = () => { picked = "inside"; };
  let picked = 0;
  const energy = async (pc) => {
    const stats = [...(await pc.getStats()).values()].filter((s) => s.type === "inbound-rtp");
    const of = (kind) => stats.find((s) => s.kind === kind);
    const video = of("video");
    return { frames: video?.framesDecoded ?? 0, width: video?.frameWidth, height: video?.frameHeight,
             audio: of("audio")?.totalAudioEnergy ?? 0 };
  };
  async function loop() {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 1280 } });
    const a = new RTCPeerConnection(), b = new RTCPeerConnection();
    a.onicecandidate = (e) => b.addIceCandidate(e.candidate);
    b.onicecandidate = (e) => a.addIceCandidate(e.candidate);
    const sink = new MediaStream();
    b.ontrack = (e) => sink.addTrack(e.track);
    for (const track of stream.getTracks()) a.addTrack(track, stream);
    await a.setLocalDescription(await a.createOffer());
    await b.setRemoteDescription(a.localDescription);
    await b.setLocalDescription(await b.createAnswer());
    await a.setRemoteDescription(b.localDescription);
    const video = document.body.appendChild(document.createElement("video"));
    video.srcObject = sink;
    await video.play();
    window.received = () => energy(b);
  }
</script>"#;

#[test]
fn driver_drives_a_real_browser() {
    scenario::run("driver_drives_a_real_browser", |scenario| {
        let url = serve()?;
        let browser = scenario.browser()?;
        let page = scenario.page(&browser, "driver", &url)?;

        assert_eq!(page.eval("[1 + 1, Promise.resolve('x')].length")?, 2);
        assert_eq!(
            page.eval("Promise.resolve({ a: [null, true] })")?,
            json!({ "a": [null, true] })
        );
        let thrown = page.eval("Promise.reject(new Error('no'))").unwrap_err();
        assert!(thrown.to_string().contains("Error: no"), "{thrown}");

        page.click("count")?;
        page.click("count")?;
        assert_eq!(page.see("count", "2", SOON)?, "2");
        page.fill("field", "good evening")?;
        page.fill("field", "bonsoir")?;
        assert_eq!(page.see("echo", "", SOON)?, "bonsoir");
        page.click_where("pick", "two")?;
        assert_eq!(page.eval("picked")?, 2);
        page.click("inside")?;
        assert_eq!(page.eval("picked")?, "inside");
        assert_eq!(page.count("pick")?, 2);
        page.eval("dialog.showModal()")?;
        page.see("dialog", "sheet", SOON)?;
        page.escape()?;
        page.see_no("dialog", "", SOON)?;
        assert_eq!(page.count("hidden")?, 0);
        let covered = page.wait_for("e2e.target('[data-testid=covered]', '')", Duration::ZERO, "x");
        assert!(covered.is_err(), "a covered button can be clicked: {covered:?}");

        page.eval("setTimeout(() => { window.later = 7 }, 300), 0")?;
        assert_eq!(page.wait_for("window.later", SOON, "the timer")?, 7);
        let error = page.wait_for("window.never", Duration::ZERO, "nothing").unwrap_err();
        assert!(error.to_string().contains("nothing"), "{error}");
        page.eval("setTimeout(() => location.reload(), 300), 0")?;
        page.wait_for(
            "!('later' in window) && document.readyState === 'complete'",
            SOON,
            "reload",
        )?;
        page.eval("console.log('kept', { a: 1 }, 2), 0")?;
        page.reload()?;
        assert!(page.console().iter().any(|line| line.starts_with("log: kept ")));

        page.eval("loop()")?;
        let first = page.wait_for("received().then(r => r.frames > 0 && r)", SOON, "a frame")?;
        assert_eq!((&first["width"], &first["height"]), (&json!(320), &json!(180)), "{first}");
        let more =
            format!("received().then(r => r.frames > {} + 20 && r.audio > 0)", first["frames"]);
        page.wait_for(&more, SOON, "more frames and some sound")?;

        let other = scenario.page(&browser, "other", &url)?;
        other.eval("localStorage.setItem('who', 'other'), 0")?;
        assert_eq!(page.eval("localStorage.getItem('who')")?, json!(null), "storage is shared");

        let folder = tempfile::tempdir()?;
        let path = folder.path().join("page.png");
        page.screenshot(&path, 640, 360)?;
        let png = std::fs::read(&path)?;
        // A PNG says its size in the header chunk: width at byte 16, height at byte 20.
        ensure!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "the screenshot is no PNG");
        assert_eq!(png[16..24], [0, 0, 2, 128, 0, 0, 1, 104]);
        assert_eq!(page.eval("[innerWidth, innerHeight]")?, json!([390, 780]));
        Ok(())
    });
}

/// Serves the page on a free port for as long as the test runs.
fn serve() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A browser that hangs up early asked for nothing.
            let _ = answer(stream);
        }
    });
    Ok(url)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let head = "HTTP/1.0 200 OK\r\ncontent-type: text/html; charset=utf-8\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{PAGE}", PAGE.len())
}
