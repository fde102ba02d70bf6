// @ts-check
/** What one's own camera sees, as in a mirror, and the switches beside it. */

import { avatar, h, iconButton, refuse, relabel, sheet, warn } from './dom.js';
import { local } from './local.js';
import { t } from './strings.js';

/**
 * The local picture; one's initials when there is none.
 * @param {{user: string, name: string}} me
 * @returns {{element: HTMLElement, stop: () => void}}
 */
export function preview(me) {
  const video = h('video', { playsinline: true, 'aria-hidden': 'true', tabindex: '-1', disablepictureinpicture: true });
  video.muted = true;
  video.autoplay = true;
  video.srcObject = local.stream;
  const element = h('div', { class: 'preview' }, avatar(me), video);
  const draw = () => {
    element.toggleAttribute('data-mirrored', local.mirrored);
    element.toggleAttribute('data-picture', local.videoTrack !== null);
    if (local.videoTrack) video.play().catch(() => {});
  };
  local.addEventListener('change', draw);
  draw();
  return {
    element,
    stop: () => {
      local.removeEventListener('change', draw);
      video.srcObject = null;
    },
  };
}

/** Says what is wrong with a device. @param {import('./local.js').Trouble|null} trouble */
export function tell(trouble) {
  if (trouble) warn(t(`camera.${trouble}`), `device_${trouble}`);
}

/**
 * Microphone, camera and flip, kept in step with the devices.
 * @returns {{element: HTMLElement, stop: () => void}}
 */
export function switches() {
  const mic = iconButton({ icon: 'mic', label: t('live.mic_off'), testid: 'toggle-mic', onclick: () => local.setMic(!local.mic) });
  const cam = iconButton({
    icon: 'camera',
    label: t('live.cam_off'),
    testid: 'toggle-cam',
    onclick: async () => tell(await local.setCam(!local.media.cam)),
  });
  const flip = iconButton({ icon: 'flip', label: t('live.flip'), testid: 'flip', onclick: async () => tell(await local.flip()) });
  const element = h('div', { class: 'switches' }, mic, cam, flip);
  let cameras = 0;
  const draw = () => {
    const { mic: hears, cam: sees } = local.media;
    relabel(mic, hears ? 'mic' : 'mic_off', t(hears ? 'live.mic_off' : 'live.mic_on'));
    relabel(cam, sees ? 'camera' : 'camera_off', t(sees ? 'live.cam_off' : 'live.cam_on'));
    mic.toggleAttribute('data-off', !hears);
    cam.toggleAttribute('data-off', !sees);
    flip.hidden = !sees || cameras < 2;
  };
  const count = async () => {
    cameras = (await local.devices('video')).length;
    draw();
  };
  local.addEventListener('change', count);
  draw();
  count();
  return { element, stop: () => local.removeEventListener('change', count) };
}

/** The sheet behind the gear: which camera, which microphone. */
export async function deviceSheet() {
  const field = async (/** @type {'audio'|'video'} */ kind, /** @type {string} */ label, /** @type {MediaStreamTrack|null} */ track) => {
    const devices = await local.devices(kind);
    const used = local.chosen[kind] ?? track?.getSettings().deviceId;
    const select = h(
      'select',
      { onchange: async () => tell(await local.choose(kind, select.value)) },
      ...devices.map(({ deviceId, label: name }, index) =>
        h('option', { value: deviceId, selected: deviceId === used }, name || t('camera.device_unnamed', { index: index + 1 })),
      ),
    );
    select.disabled = devices.length === 0;
    return h('label', { class: 'field' }, h('span', {}, label), select);
  };
  try {
    const fields = [await field('video', t('camera.device_camera'), local.videoTrack), await field('audio', t('camera.device_mic'), local.audioTrack)];
    sheet({ title: t('camera.devices'), class: 'small' }, h('div', { class: 'stack' }, ...fields));
  } catch (error) {
    refuse(error);
  }
}
