// @ts-check
// Numbers and names as people read them.

const numbers = new Intl.NumberFormat("en");

/** @param {number} value */
export const number = (value) => numbers.format(value);

/**
 * Returns "1 picture", "2 pictures".
 * @param {number} count
 * @param {string} one
 */
export const count = (count, one) => `${number(count)} ${one}${count === 1 ? "" : "s"}`;

/** @param {number} score */
export const score = (score) => score.toFixed(3).replace("-", "−");

/**
 * Returns the last part of a path.
 * @param {string} path
 */
export const fileName = (path) => path.slice(path.lastIndexOf("/") + 1);

/**
 * Returns a model's name without the folder that a local one lies in.
 * @param {string} model
 */
export function modelName(model) {
  const local = /^open_clip:(?:local-dir:|[^/]*@)(.*?)\/*$/.exec(model);
  return local ? fileName(local[1]) : model;
}

/**
 * Returns a duration that needs no decimals where they say nothing.
 * @param {number} ms
 */
export const milliseconds = (ms) => (ms < 1 ? "under 1 ms" : `${number(Math.round(ms))} ms`);

/**
 * Returns the word for what a target finds.
 * @param {"image" | "text"} target
 */
export const kindOf = (target) => (target === "text" ? "caption" : "picture");
