// Runs in every page before its own scripts: what the driver needs inside the page, and the small camera.
(() => {
  // Cameras of a fixed, small picture: tests share few cores.
  const capture = __CAPTURE__;
  const media = navigator.mediaDevices;
  if (media?.getUserMedia) {
    const original = media.getUserMedia.bind(media);
    media.getUserMedia = (wanted = {}) => {
      const video = wanted.video && {
        ...(typeof wanted.video === "object" ? wanted.video : {}),
        width: capture.width,
        height: capture.height,
        frameRate: capture.fps,
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

  // The first visible element that matches and whose text, or name for a screen reader, contains `words`.
  const find = (selector, words = "") =>
    all(selector).find((element) => shown(element) && `${text(element)} ${element.ariaLabel ?? ""}`.includes(words));

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

  // The middle of an element that stands still and that nothing covers, or null when it is not so (yet).
  const target = async (selector, words) => {
    const element = find(selector, words);
    if (!element || element.disabled || element.getAttribute("aria-disabled") === "true") return null;
    element.scrollIntoView({ block: "nearest", inline: "nearest" });
    const before = element.getBoundingClientRect();
    await frame();
    await frame();
    const after = element.getBoundingClientRect();
    if (before.x !== after.x || before.y !== after.y || !after.width || !after.height) return null;
    const x = after.x + after.width / 2;
    const y = after.y + after.height / 2;
    return within(topmost(x, y), element) ? { x, y } : null;
  };

  // Asks `condition` until it holds; gives its value, or what it said last when the time is over.
  const until = async (condition, limitMs) => {
    const end = performance.now() + limitMs;
    for (;;) {
      let value;
      let error;
      try {
        value = await condition();
      } catch (thrown) {
        error = String(thrown);
      }
      if (value) return { value };
      if (performance.now() > end) return { last: error ?? value ?? null };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  Object.defineProperty(window, "e2e", { value: Object.freeze({ all, find, shown, text, target, until }) });
})();
