// @ts-check
// What the page shows, as an address: everything but an uploaded picture, which stays in this tab.

import { KINDS } from "./words.js";

/** @typedef {import("./api.js").Target} Target */
/** @typedef {import("./api.js").Sort} Sort */
/**
 * @typedef {object} State
 * @property {string} q
 * @property {Target} target
 * @property {number | null} like  An item to search by.
 * @property {number | null} item  The item shown large.
 * @property {string | null} upload  The kept picture to search by; see upload.js.
 * @property {number[]} more  Items that the search goes towards.
 * @property {number[]} less  Items that it goes away from.
 * @property {number[]} right  Items marked as right, for the next round.
 * @property {number[]} wrong  Items marked as wrong.
 * @property {Sort} sort
 * @property {boolean} collapse  Whether near-duplicates, and moments of one film, come as one.
 * @property {boolean} varied  Whether results are to differ from one another.
 */

/** No result is marked, and none was. */
export const UNMARKED = { more: [], less: [], right: [], wrong: [] };

/** The start page. @type {Readonly<State>} */
export const NOTHING = {
  q: "",
  target: "image",
  like: null,
  item: null,
  upload: null,
  ...UNMARKED,
  sort: "score",
  collapse: false,
  varied: false,
};

/** What an order is called. @type {Record<Sort, string>} */
export const SORTS = { score: "Best first", newest: "Newest first", oldest: "Oldest first" };

// The service takes so many.
const MOST_MARKS = 200;

/**
 * Returns the state of an address; what makes no sense in it is left out.
 * @param {string} query  As in location.search.
 * @param {any} kept  As in history.state.
 * @returns {State}
 */
export function read(query, kept) {
  const given = new URLSearchParams(query);
  const more = ids(given.get("more"));
  const less = ids(given.get("less"));
  return {
    q: (given.get("q") ?? "").trim(),
    target: known(KINDS, given.get("target"), NOTHING.target),
    like: id(given.get("like")),
    item: id(given.get("item")),
    upload: typeof kept?.upload === "string" ? kept.upload : null,
    more,
    less,
    right: given.has("right") ? ids(given.get("right")) : more,
    wrong: given.has("wrong") ? ids(given.get("wrong")) : less,
    sort: known(SORTS, given.get("sort"), NOTHING.sort),
    collapse: given.get("collapse") === "1",
    varied: given.get("varied") === "1",
  };
}

/**
 * Returns the address of a state, relative to the page.
 * @param {State} state
 */
export function address(state) {
  const given = new URLSearchParams();
  if (state.q) given.set("q", state.q);
  if (state.like !== null) given.set("like", String(state.like));
  if (state.target !== NOTHING.target) given.set("target", state.target);
  if (state.sort !== NOTHING.sort) given.set("sort", state.sort);
  if (state.collapse) given.set("collapse", "1");
  if (state.varied) given.set("varied", "1");
  if (state.more.length) given.set("more", state.more.join());
  if (state.less.length) given.set("less", state.less.join());
  if (state.right.join() !== state.more.join()) given.set("right", state.right.join());
  if (state.wrong.join() !== state.less.join()) given.set("wrong", state.wrong.join());
  if (state.item !== null) given.set("item", String(state.item));
  const query = given.toString().replaceAll("%2C", ",");
  return query ? `/?${query}` : "/";
}

/**
 * Returns the same text for states that have the same results.
 * @param {State} state
 */
export const queryKey = ({ item, right, wrong, ...asked }) => JSON.stringify(asked);

/**
 * Returns whether there is anything to search for.
 * @param {State} state
 */
export const asks = (state) =>
  Boolean(state.q || state.like !== null || state.upload || state.more.length);

/**
 * Returns the name if the table has it.
 * @template {string} Name
 * @param {Record<Name, unknown>} table
 * @param {string | null} name
 * @param {Name} otherwise
 * @returns {Name}
 */
export const known = (table, name, otherwise) =>
  name !== null && Object.hasOwn(table, name) ? /** @type {Name} */ (name) : otherwise;

/** @param {string | null} text */
function id(text) {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/**
 * @param {string | null} text
 * @returns {number[]}
 */
function ids(text) {
  const found = (text ?? "").split(",").map(id);
  return [...new Set(found.filter((one) => one !== null))].slice(0, MOST_MARKS);
}
