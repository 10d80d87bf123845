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
 * Returns a probability as a share: never "0 %" or "100 %", which would be certain.
 * @param {number} probability
 */
export function share(probability) {
  if (probability < 0.01) return "under 1 %";
  return `${Math.min(99, Math.round(probability * 100))} %`;
}

/**
 * Returns a text of at most so many characters, cut between words.
 * @param {string} text
 * @param {number} most
 */
export const short = (text, most) =>
  text.length <= most ? text : `${text.slice(0, most).replace(/\s+\S*$/, "")} …`;

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
 * Returns a time in a film as players show it: "1:23", "1:02:03".
 * @param {number} ms
 */
export function clock(ms) {
  const { hours, minutes, seconds } = parts(ms);
  const short = `${minutes}:${String(seconds).padStart(2, "0")}`;
  return hours ? `${hours}:${short.padStart(5, "0")}` : short;
}

/**
 * Returns the length of a film in the same way, never nothing: "0:01", "1:02:03".
 * @param {number} ms
 */
export const length = (ms) => clock(Math.max(1000, ms));

/**
 * Returns a time or a length to be read aloud: "1 minute 23 seconds".
 * @param {number} ms
 */
export function spoken(ms) {
  const { hours, minutes, seconds } = parts(ms);
  const said = [
    hours ? count(hours, "hour") : "",
    minutes ? count(minutes, "minute") : "",
    seconds || !(hours || minutes) ? count(seconds, "second") : "",
  ];
  return said.filter(Boolean).join(" ");
}

/** @param {number} ms */
function parts(ms) {
  const all = Math.floor(ms / 1000);
  return { hours: Math.floor(all / 3600), minutes: Math.floor(all / 60) % 60, seconds: all % 60 };
}

/**
 * Returns the file name of an item, of an entry of a shard the entry's.
 * @param {{path: string, member: string | null}} item
 */
export const nameOf = ({ path, member }) => fileName(member === null ? path : entry(member));

/**
 * Returns the name of a shard's entry without where in the shard it begins.
 * @param {string} member
 */
export const entry = (member) => member.replace(/@\d+(?=\.[^./]*$|$)/, "");

/**
 * Returns which page of a file a picture is, from 1; null for a file's first or only one.
 * @param {import("./api.js").Item} item
 */
export const page = ({ kind, modality, film, position }) =>
  kind === "image" && modality === "image" && film === null && position ? position + 1 : null;

/**
 * Returns what a result is called: "trips/day 1.mp4 at 1 minute 23 seconds".
 * @param {import("./api.js").Item} item
 */
export function title(item) {
  const name = item.member ? `${entry(item.member)} in ${item.path}` : item.path;
  if (item.film !== null && item.best_ms !== null) return `${name} at ${spoken(item.best_ms)}`;
  if (page(item)) return `${name}, page ${page(item)}`;
  if (item.modality !== "video") return name;
  return item.duration_ms === null ? `${name}, film` : `${name}, film of ${spoken(Math.max(1000, item.duration_ms))}`;
}

/**
 * Returns where words stand: "subtitle:en" as "subtitles (en)", "exif:Artist" as "EXIF: Artist".
 * @param {string} origin
 */
export function origin(origin) {
  const [source, ...rest] = origin.split(":");
  const what = rest.join(":");
  if (source === "subtitle") return what ? `subtitles (${what})` : "subtitles";
  return [/^(exif|iptc|xmp)$/.test(source) ? source.toUpperCase() : source, what]
    .filter(Boolean)
    .join(": ");
}

/** @typedef {import("./api.js").Target} Target */

/** The word for what a target finds. @type {Record<Target, string>} */
export const KINDS = {
  image: "picture",
  picture: "picture",
  moment: "moment",
  text: "caption",
  video: "film",
  all: "item",
};
