// @ts-check
// One result in the grid: its picture, what it is, why it was found, how it is marked.

import { badge, sign } from "./badge.js";
import { fadeIn, make } from "./dom.js";
import { judging, showMark } from "./marks.js";
import * as worth from "./worth.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Hit} Hit */
/** @typedef {import("./api.js").Item} Item */
/** @typedef {import("./marks.js").Mark} Mark */
/**
 * @typedef {object} Calls
 * @property {(id: number) => void} open  A result was chosen.
 * @property {(id: number) => string} href  The address of an item among these results.
 * @property {() => void} leave  The way up from the first row.
 * @property {(id: number, mark: Mark) => void} [judge]  Where results can be marked.
 * @property {(id: number) => Mark | null} [markOf]
 */

// Words have no shape of their own.
const WORDS_RATIO = 1.5;

/** What each tile says already: to say it anew takes long where there are thousands. */
const said = new WeakMap();

/**
 * Returns the width by the height of what is shown of an item.
 * @param {Item} item
 */
export const ratioOf = ({ modality, width, height }) =>
  modality === "text" ? WORDS_RATIO : (width ?? 1) / (height ?? 1);

/**
 * Returns a new tile; `labelTile` says on it what may change.
 * @param {Hit} hit
 * @param {boolean} eager  Whether its picture is among the first to be seen.
 * @param {Calls} calls
 * @returns {HTMLLIElement}
 */
export function makeTile({ item }, eager, { judge }) {
  const saying = item.modality === "text";
  const score = make("span", { className: "score" });
  const name = make("span", { className: "name" }, words.nameOf(item));
  const label = make(
    "span",
    { className: "label", "aria-hidden": "true" },
    make("span", { className: "why" }),
    name,
    score,
  );
  const link = make(
    "a",
    { tabIndex: -1, draggable: false },
    saying ? make("span", { className: "said", textContent: item.text }) : pictureOf(item, eager),
    make("span", { className: "signs" }),
    label,
  );
  link.dataset.id = String(item.id);
  const kind = saying ? "tile saying" : item.modality === "video" ? "tile film" : "tile";
  return make(
    "li",
    { className: kind },
    link,
    judge ? judging((mark) => judge(item.id, mark)) : null,
  );
}

/**
 * Says on a tile what is known of its hit.
 * @param {HTMLLIElement} tile
 * @param {Hit} hit
 * @param {Calls} calls
 */
export function labelTile(tile, hit, { href, markOf }) {
  const { item, score, favourite, group } = hit;
  const link = /** @type {HTMLAnchorElement} */ (tile.firstElementChild);
  // Where nothing can be marked nothing was asked, and nothing is to be explained.
  const made = markOf ? worth.wordsOf(hit) : null;
  const mark = markOf?.(item.id) ?? null;
  const rest = group.length;
  const moments = item.film !== null ? rest + 1 : 0;
  link.href = href(item.id);
  const says = JSON.stringify([score, favourite, rest, mark, made]);
  if (said.get(tile) === says) return;
  said.set(tile, says);
  link.setAttribute(
    "aria-label",
    [
      item.modality === "text" ? `“${item.text}”` : words.title(item),
      score === null ? "" : `score ${words.score(score)}`,
      made && `${made.part}: ${made.text}`,
      rest && (moments ? `${moments} moments of this film` : `and ${rest} like it`),
      favourite && "favourite",
      mark && `marked ${mark}`,
    ]
      .filter(Boolean)
      .join(", "),
  );
  const alike = rest && !moments ? sign("similar", `+${rest}`) : null;
  const quotes = made || item.modality === "text" ? sign("quote") : null;
  const signs = [badge(item, moments), alike, quotes, favourite && sign("star")];
  /** @type {HTMLElement} */ (tile.querySelector(".signs")).replaceChildren(
    ...signs.filter((one) => one instanceof Node),
  );
  text(tile, ".why", made ? worth.told(made) : "");
  text(tile, ".score", score === null ? "" : words.score(score));
  showMark(tile, mark);
}

/**
 * @param {Item} item
 * @param {boolean} eager
 */
function pictureOf(item, eager) {
  const image = make("img", {
    alt: "",
    decoding: "async",
    loading: eager ? "eager" : "lazy",
    width: item.width ?? 1,
    height: item.height ?? 1,
    draggable: false,
    src: item.thumbnail,
  });
  fadeIn(image);
  image.addEventListener("error", () => image.closest("li")?.classList.add("gone"));
  return image;
}

/**
 * @param {HTMLElement} tile
 * @param {string} selector
 * @param {string} value
 */
function text(tile, selector, value) {
  /** @type {HTMLElement} */ (tile.querySelector(selector)).textContent = value;
}
