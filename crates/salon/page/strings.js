// @ts-check
/** The page's words: language choice, plurals, and how numbers, times and prices are written. */

import en from './strings.en.js';
import fr from './strings.fr.js';

/** @type {Record<string, Record<string, string>>} */
const languages = { en, fr };

const asked = new URLSearchParams(location.search).get('lang');
const preferred = [asked, ...(navigator.languages ?? [navigator.language])].map((tag) => (tag ?? '').slice(0, 2).toLowerCase());

/** The language spoken, the first of the browser's that the page knows. */
export const language = preferred.find((tag) => tag in languages) ?? 'en';
const strings = languages[language];
const region = (navigator.languages ?? []).find((tag) => tag.toLowerCase().startsWith(`${language}-`)) ?? language;

const plurals = new Intl.PluralRules(language);
const compact = new Intl.NumberFormat(region, { notation: 'compact', maximumFractionDigits: 1 });
const list = new Intl.ListFormat(region, { type: 'conjunction' });

/**
 * @param {string} key
 * @param {Record<string, string|number>} [values] `count` chooses the plural
 * @returns {string}
 */
export function t(key, values = {}) {
  const plural = typeof values.count === 'number' ? `${key}_${plurals.select(values.count)}` : key;
  const text = strings[plural] ?? strings[`${key}_other`] ?? strings[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === 'number' ? number(value) : String(value ?? '');
  });
}

/**
 * The sentence for a refusal, whatever refused: the room, the HTTP side or the network.
 * @param {any} refusal
 */
export function sentence(refusal) {
  const key = `error.${refusal?.name}`;
  return t(key in strings ? key : 'error.unknown', { wait: wait(refusal?.retry_after_ms) });
}

/** @param {number|undefined} ms */
function wait(ms) {
  if (!ms) return t('wait.soon');
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  const [value, unit] = seconds < 90 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute'];
  return new Intl.NumberFormat(region, { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}

/** @param {number} value */
export const number = (value) => (value < 10_000 ? new Intl.NumberFormat(region).format(value) : compact.format(value));

/** @param {string[]} names */
export const names = (names) => list.format(names);

/** @param {{minor: number, currency: string, exponent: number}} price */
export function price({ minor, currency, exponent }) {
  const digits = { minimumFractionDigits: exponent, maximumFractionDigits: exponent };
  return new Intl.NumberFormat(region, { style: 'currency', currency, currencyDisplay: 'narrowSymbol', ...digits }).format(minor / 10 ** exponent);
}

/** A duration as a clock shows it: 4:05, 1:02:09. @param {number} ms */
export function clock(ms) {
  const total = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}
