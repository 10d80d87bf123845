// @ts-check
// What an answer is worth, and why each hit was found, in plain words.

import * as words from "./words.js";

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./api.js").Hit} Hit */
/** @typedef {import("./api.js").Reason} Reason */

export const DIVIDER = "Less likely from here on";

/**
 * Returns what to say of an answer before its hits: nothing of a strong one, or where nothing is known.
 * @param {Answer} answer
 * @returns {{title: string, line: string} | null}
 */
export function worthOf({ verdict, likely, hits }) {
  if (!hits.length) return null;
  if (verdict === "nothing") {
    return { title: "Nothing here looks like that.", line: "These are the nearest." };
  }
  if (verdict !== "weak") return null;
  if (!likely) return { title: "Maybe.", line: "None of these is a sure match." };
  const first = likely === 1 ? "The first one may be" : `The first ${words.number(likely)} may be`;
  return { title: "Maybe.", line: `${first} what you mean.` };
}

/**
 * Returns before which hit the less likely ones begin; null where they are not told apart.
 * @param {Answer} answer
 */
export const lessLikelyFrom = ({ likely, hits }) =>
  likely && likely < hits.length ? likely : null;

/**
 * Returns the words that made a hit, as opposed to its looks: of a caption, a subtitle or a name.
 * @param {Hit} hit
 * @returns {Reason | null}
 */
export const wordsOf = ({ reasons, item }) =>
  item.modality === "text"
    ? null
    : (reasons.find(({ part }) => part === "caption" || part === "subtitle" || part === "name") ??
      null);

/** @type {Record<Reason["part"], string>} */
const PARTS = {
  picture: "Looks",
  moment: "Looks",
  film: "Looks",
  caption: "Caption",
  subtitle: "Subtitle",
  name: "Name",
};

/**
 * Returns what matched, how well and which words, in order. What fits in two ways comes once.
 * @param {Hit} hit
 * @returns {{name: string, how: string, text: string | null, item: number | null}[]}
 */
export function whyOf({ reasons }) {
  /** @type {Map<string, ReturnType<typeof whyOf>[number]>} */
  const found = new Map();
  for (const { part, score, literal, text, item } of reasons) {
    const how = literal ? "has the words" : score.toFixed(2).replace("-", "−");
    const key = JSON.stringify([part, text]);
    const before = found.get(key);
    found.set(key, { name: PARTS[part], how: before ? `${before.how}, ${how}` : how, text, item });
  }
  return [...found.values()];
}

/**
 * Returns the words that made a hit as one short line.
 * @param {Reason} reason
 */
export function told({ part, text }) {
  if (part === "name") return `Name: ${words.fileName(text ?? "")}`;
  return `“${words.short(text ?? "", 80)}”`;
}
