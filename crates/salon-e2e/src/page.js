// Runs in every page before its own scripts: what the driver needs inside the page, and the small camera.
(() => {
  // Cameras of a fixed, small picture, as tests share few cores, unless the address asks for another.
  const [, width, height] = /[?&]camera=(\d+)x(\d+)/.exec(location.search) ?? [0, 320, 180];
  const capture = { width: Number(width), height: Number(height), frameRate: 15 };
  const media = navigator.mediaDevices;
  if (media?.getUserMedia) {
    const original = media.getUserMedia.bind(media);
    media.getUserMedia = (wanted = {}) => {
      const video = wanted.video && {
        ...(typeof wanted.video === "object" ? wanted.video : {}),
        ...capture,
        aspectRatio: undefined,
      };
      return original({ ...wanted, video });
    };
  }

  // Every peer connection of this document that has got a description, and where answers lead media in place of the
  // server: `detour("127.0.0.1:1", "127.0.0.1:2")` before an answer comes.
  const connections = new Set();
  let path = null;
  const detour = (from, to) => {
    const candidate = (address) => ` ${address.replace(":", " ")} typ `;
    path = { from: candidate(from), to: candidate(to) };
  };
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = async function (description) {
    connections.add(this);
    if (!path) return setRemoteDescription.call(this, description);
    const sdp = description.sdp.replaceAll(path.from, path.to);
    if (sdp === description.sdp) throw new Error(`no candidate${path.from}in ${sdp}`);
    return setRemoteDescription.call(this, { type: description.type, sdp });
  };

  // What every open connection has received so far, one entry a stream, as the browser tells it.
  const inbound = async () => {
    const open = [...connections].filter((pc) => pc.connectionState !== "closed");
    const reports = await Promise.all(open.map((pc) => pc.getStats()));
    return reports.flatMap((report) => [...report.values()].filter((s) => s.type === "inbound-rtp"));
  };

  // `inbound()` every `everyMs` for `spanMs`, each with its time.
  const watch = async (spanMs, everyMs) => {
    const readings = [];
    const start = performance.now();
    for (let due = 0; due <= spanMs; due += everyMs) {
      await new Promise((resolve) => setTimeout(resolve, start + due - performance.now()));
      readings.push({ atMs: performance.now() - start, inbound: await inbound() });
    }
    return readings;
  };

  // Every element that matches, through open shadow roots as well.
  const all = (selector, root = document) => {
    const found = [...root.querySelectorAll(selector)];
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) found.push(...all(selector, element.shadowRoot));
    }
    return found;
  };

  const shown = (element) => element.checkVisibility({ visibilityProperty: true });

  // The text a person reads: what is visible, and what has been typed.
  const text = (element) => (element.matches("input, textarea, select") ? element.value : element.innerText ?? "").trim();

  // The same, and the name that a screen reader gives it.
  const words = (element) => `${text(element)} ${element.ariaLabel ?? ""}`;

  // The first visible element that matches and whose words contain `wanted`.
  const find = (selector, wanted = "") => all(selector).find((element) => shown(element) && words(element).includes(wanted));

  const topmost = (x, y) => {
    let hit = document.elementFromPoint(x, y);
    for (let inner; hit?.shadowRoot && (inner = hit.shadowRoot.elementFromPoint(x, y)) && inner !== hit; ) hit = inner;
    return hit;
  };

  const within = (node, element) => {
    for (let at = node; at; at = at.parentNode ?? at.host) if (at === element) return true;
    return false;
  };

  const frame = () => new Promise((resolve) => requestAnimationFrame(() => resolve()));

  // What the last click hit: "target", "nothing", or the control that stood there instead; null before it has come.
  let landed = null;

  // The middle of an element that stands still and that nothing covers; throws why there is none (yet).
  const target = async (selector, wanted) => {
    const element = find(selector, wanted);
    // A pulse that never ends is no movement to wait out.
    const moves = ({ playState, effect }) =>
      playState === "running" && Number.isFinite(effect?.getComputedTiming().endTime) && within(element, effect.target);
    if (!element) throw `nothing visible matches; the page says: ${document.body?.innerText.slice(0, 200)}`;
    const moving = document.getAnimations().find(moves);
    if (moving) throw `it moves: ${moving.animationName ?? moving.transitionProperty} at ${moving.currentTime} ms`;
    if (element.disabled || element.getAttribute("aria-disabled") === "true") throw "it is disabled";
    element.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const before = element.getBoundingClientRect();
    await frame();
    await frame();
    const after = element.getBoundingClientRect();
    if (before.x !== after.x || before.y !== after.y || !after.width || !after.height) throw "it changes its place";
    const x = after.x + after.width / 2;
    const y = after.y + after.height / 2;
    const top = topmost(x, y);
    if (!within(top, element)) throw `it is covered at ${x}, ${y} by ${top?.outerHTML.slice(0, 200)}`;
    landed = null;
    const note = (event) => {
      const [hit] = event.composedPath();
      landed = within(hit, element) ? "target" : (hit.closest("a, button, input, label, select, textarea")?.outerHTML ?? "nothing");
    };
    addEventListener("click", note, { capture: true, once: true });
    return { x, y };
  };

  // Asks `condition` until it holds; gives its value, or the last of what it threw or gave when the time is over.
  const until = async (condition, limitMs) => {
    const end = performance.now() + limitMs;
    let thrown;
    for (;;) {
      let value;
      try {
        value = await condition();
      } catch (error) {
        thrown = String(error);
      }
      if (value) return { value };
      if (performance.now() > end) return { last: thrown ?? value ?? null };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  Object.defineProperty(window, "e2e", { value: Object.freeze({ all, detour, find, inbound, landed: () => landed, shown, target, text, until, watch, words }) });
})();
