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

  // The middle of an element that stands still and that nothing covers, or null when it is not so (yet).
  const target = async (selector, wanted) => {
    const element = find(selector, wanted);
    // A pulse that never ends is no movement to wait out.
    const moves = ({ playState, effect }) =>
      playState === "running" && Number.isFinite(effect?.getComputedTiming().endTime) && within(element, effect.target);
    if (!element || document.getAnimations().some(moves)) return null;
    if (element.disabled || element.getAttribute("aria-disabled") === "true") return null;
    element.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const before = element.getBoundingClientRect();
    await frame();
    await frame();
    const after = element.getBoundingClientRect();
    if (before.x !== after.x || before.y !== after.y || !after.width || !after.height) return null;
    const x = after.x + after.width / 2;
    const y = after.y + after.height / 2;
    if (!within(topmost(x, y), element)) return null;
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

  Object.defineProperty(window, "e2e", { value: Object.freeze({ all, find, landed: () => landed, shown, target, text, until, words }) });
})();
