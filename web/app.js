// @ts-check
// The page: one state, kept in the address; everything on screen follows from it.

import { CaptionList } from "./captions.js";
import { Chip } from "./chip.js";
import { Detail } from "./detail.js";
import * as dialogs from "./dialogs.js";
import { byId, isPlain, make } from "./dom.js";
import { Grid } from "./grid.js";
import * as keys from "./keys.js";
import { address, asks, queryKey, read } from "./location.js";
import { Searching } from "./searching.js";
import { Start } from "./start.js";
import * as upload from "./upload.js";
import * as words from "./words.js";
import { Failure } from "./api.js";

/** @typedef {import("./location.js").State} State */
/** @typedef {import("./api.js").Hit} Hit */

const TYPING_MS = 150;
// A query that rests this long, or is used, is one to come back to with the back button.
const SETTLED_MS = 1500;

const input = byId("q");

let state = read(location.search, history.state);
/** @type {Hit[]} */
let hits = [];
/** @type {Hit[]} */
let glimpse = [];
/** The query that `hits` answer. */
let answered = "";
/** Whether the current history entry is still being typed. */
let draft = false;
let settling = 0;
let announcing = 0;
let focusResults = false;
/** Scroll position of each history entry. @type {Map<string, number>} */
const scrolled = new Map();
let entry = history.state?.entry ?? newEntry();

const view = {
  open: (/** @type {number} */ id) => openItem(id),
  href: (/** @type {number} */ id) => address({ ...state, item: id }),
  leave: toSearch,
};
const grid = new Grid(byId("pictures"), view);
const glimpseGrid = new Grid(byId("glimpse-grid"), view, 3);
const captions = new CaptionList(byId("captions"), view);
const chip = new Chip(() => {
  go({ like: null, upload: null }, "push");
  toSearch();
});
const searching = new Searching({ picture: upload.recall, answered: showAnswer, failed: showFailure, busy });
const start = new Start({
  search: (q) => go({ q, target: "image" }, "push"),
  changed: () => {},
  glimpse: (found) => {
    glimpse = found;
    glimpseGrid.show(found);
    placeDetail();
  },
});
const detail = new Detail({
  step,
  closed: closeItem,
  like: (id, target) => {
    focusResults = true;
    go({ q: "", like: id, upload: null, item: null, target }, "push");
  },
  hrefLike: (id, target) => address({ q: "", like: id, upload: null, item: null, target }),
});

// --- state and history

/**
 * Changes the state, the address and, if the query changed, the results.
 * @param {Partial<State>} change
 * @param {"push" | "replace"} how
 * @param {{delay_ms?: number, opened?: boolean}} [more]
 */
function go(change, how, { delay_ms = 0, opened = false } = {}) {
  const before = queryKey(state);
  state = { ...state, ...change };
  if (how === "push") {
    scrolled.set(entry, scrollY);
    entry = newEntry();
  }
  const kept = { entry, upload: state.upload, opened: opened || (how === "replace" && history.state?.opened) };
  history[how === "push" ? "pushState" : "replaceState"](kept, "", address(state));
  if (!delay_ms) draft = false;
  const changed = queryKey(state) !== before;
  if (changed && how === "push") scrollTo({ top: 0 });
  if (changed) ask(delay_ms);
  paint();
}

/** @param {number} delay_ms */
function ask(delay_ms) {
  if (!asks(state)) {
    searching.stop();
    hits = [];
    answered = "";
  } else searching.run(state, delay_ms);
}

function newEntry() {
  return Math.random().toString(36).slice(2);
}

function settle() {
  clearTimeout(settling);
  draft = false;
}

addEventListener("popstate", (event) => {
  scrolled.set(entry, scrollY);
  const before = queryKey(state);
  settle();
  state = read(location.search, event.state);
  entry = event.state?.entry ?? newEntry();
  if (queryKey(state) !== before && !searching.again(state)) ask(0);
  paint();
  scrollTo({ top: scrolled.get(entry) ?? 0 });
});

function openItem(/** @type {number} */ id) {
  settle();
  go({ item: id }, "push", { opened: true });
}

function closeItem() {
  const id = state.item;
  if (history.state?.opened) {
    state = { ...state, item: null };
    history.back();
  } else go({ item: null }, "replace");
  detail.close();
  if (id !== null) refocus(id);
}

/** @param {number} id */
function refocus(id) {
  (!asks(state) ? glimpseGrid : state.target === "text" ? captions : grid).focusItem(id);
}

/** @param {number} by */
function step(by) {
  const all = shownHits();
  const index = all.findIndex((hit) => hit.item.id === state.item);
  const next = index < 0 ? undefined : all[index + by];
  if (!next) return;
  go({ item: next.item.id }, "replace");
  if (index + by > all.length - 6) searching.more(state);
}

function shownHits() {
  return asks(state) ? hits : glimpse;
}

// --- painting

function paint() {
  if (input.value.trim() !== state.q) input.value = state.q;
  input.placeholder = state.target === "text" ? "Search your captions" : "Search your pictures";
  document.querySelectorAll("input[name=target]").forEach((radio) => {
    const one = /** @type {HTMLInputElement} */ (radio);
    one.checked = one.value === state.target;
  });
  const asking = asks(state);
  byId("clear").hidden = !asking;
  byId("start").hidden = asking;
  byId("results").hidden = !asking;
  document.title = state.q ? `${state.q} – atisbo` : "atisbo";
  chip.show(state);
  if (!asking) {
    busy(false);
    start.showGlimpse();
  }
  placeDetail();
}

function placeDetail() {
  if (state.item === null) {
    detail.close();
    return;
  }
  const all = shownHits();
  const index = all.findIndex((hit) => hit.item.id === state.item);
  const place = index < 0 ? null : { index, total: all.length, score: all[index].score };
  detail.open(state.item, all[index]?.item ?? null, place);
}

/**
 * @param {import("./api.js").Answer} answer
 * @param {boolean} more
 * @param {boolean} grown
 */
function showAnswer(answer, more, grown) {
  hits = answer.hits;
  const same = answered === queryKey(state);
  answered = queryKey(state);
  byId("notice").hidden = true;
  byId("results").classList.remove("stale");
  const text = answer.target === "text";
  byId("pictures").hidden = text || !hits.length;
  byId("captions").hidden = !text || !hits.length;
  const list = text ? captions : grid;
  list.show(hits);
  if (!same && !grown) list.rewind();
  const kind = words.kindOf(answer.target);
  const what = `${words.number(hits.length)} closest of ${words.count(answer.searched, kind)}`;
  byId("count").textContent = hits.length ? what : "";
  const { embed, search, fetch } = answer.took_ms;
  byId("facts").textContent = hits.length
    ? `${words.modelName(answer.model)} · ${words.milliseconds(embed + search + fetch)}`
    : "";
  byId("facts").title = answer.model;
  const button = byId("more");
  button.hidden = !more;
  button.textContent = "Show more";
  if (!hits.length) showEmpty(answer.target);
  announce(hits.length ? what : `No ${kind}s`);
  if (focusResults && hits.length) list.focus(0, { preventScroll: true });
  focusResults = false;
  placeDetail();
  watchEnd();
}

/** @param {"image" | "text"} target */
function showEmpty(target) {
  const lines =
    target === "text"
      ? ["No captions in this library", "Put photo.txt beside photo.jpg, one caption a line, and run", "atisbo index FOLDER"]
      : ["No pictures in this library", "Show atisbo a folder of pictures, in a shell:", "atisbo index FOLDER"];
  notice(lines[0], [lines[1], make("code", { className: "command", textContent: lines[2] })]);
}

/**
 * @param {Failure} failure
 * @param {boolean} grown
 */
function showFailure(failure, grown) {
  if (grown) {
    byId("more").textContent = "That did not work. Try again";
    announce(failure.message);
    return;
  }
  const retry = make("button", {
    type: "button",
    className: "action",
    textContent: failure.passing ? "Try again" : "Clear the search",
  });
  retry.addEventListener("click", () => (failure.passing ? searching.run(state) : clear()));
  for (const id of ["pictures", "captions", "more"]) byId(id).hidden = true;
  byId("count").textContent = byId("facts").textContent = "";
  hits = [];
  answered = "";
  const title = failure.status === 0 ? "Nothing answers" : "That search did not work";
  notice(title, [failure.message, retry]);
}

/**
 * @param {string} title
 * @param {(string | Node)[]} lines
 */
function notice(title, lines) {
  byId("results").classList.remove("stale");
  const box = byId("notice");
  box.replaceChildren(make("h2", { textContent: title }), ...lines.map((line) => make("p", {}, line)));
  box.hidden = false;
}

/** @param {boolean} isBusy */
function busy(isBusy) {
  byId("progress").hidden = !isBusy;
  byId("main").setAttribute("aria-busy", String(isBusy));
  byId("results").classList.toggle("stale", isBusy && answered !== queryKey(state));
}

/** @param {string} text */
function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => (byId("live").textContent = text), 500);
}

// --- what the visitor does

function toSearch() {
  input.focus();
  input.select();
}

function clear() {
  input.value = "";
  go({ q: "", like: null, upload: null, item: null }, "push");
  input.focus();
}

input.addEventListener("input", () => {
  const q = input.value.trim();
  if (q === state.q) return;
  go({ q, item: null }, draft ? "replace" : "push", { delay_ms: TYPING_MS });
  draft = true;
  clearTimeout(settling);
  settling = setTimeout(settle, SETTLED_MS);
});
input.addEventListener("blur", settle);
input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key === "Escape") {
    event.preventDefault();
    if (asks(state) || input.value) clear();
    else input.blur();
  } else if (event.key === "ArrowDown" && shownHits().length) {
    event.preventDefault();
    (!asks(state) ? glimpseGrid : state.target === "text" ? captions : grid).focus(0);
  }
});
byId("search").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  settle();
  if (asks(state) && answered !== queryKey(state)) searching.run(state);
  if (matchMedia("(hover: none)").matches) input.blur(); // puts the keyboard of a phone away
});
byId("search").addEventListener("change", (/** @type {Event} */ event) => {
  const radio = /** @type {HTMLInputElement} */ (event.target);
  if (radio.name === "target") go({ target: radio.value === "text" ? "text" : "image" }, asks(state) ? "push" : "replace");
});
byId("clear").addEventListener("click", clear);
byId("home").addEventListener("click", (/** @type {MouseEvent} */ event) => {
  if (!isPlain(event)) return;
  event.preventDefault();
  go({ q: "", like: null, upload: null, item: null, target: "image" }, "push");
});
byId("choose").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", () => {
  const file = byId("file").files[0];
  byId("file").value = "";
  if (file) searchBy(file);
});
byId("more").addEventListener("click", () => searching.more(state));
upload.listen(byId("drop"), searchBy);
keys.listen({ search: toSearch, help: dialogs.help });
dialogs.prepare();

/** @param {File} picture */
async function searchBy(picture) {
  const name = await upload.keep(picture);
  go({ upload: name, like: null, item: null }, "push");
}

// More is fetched before the end is reached, so that scrolling does not stop there.
const end = new IntersectionObserver(
  ([seen]) => {
    if (seen.isIntersecting && byId("notice").hidden) searching.more(state);
  },
  { rootMargin: "700px" },
);

function watchEnd() {
  // Observing anew reports at once whether the end is still near.
  end.unobserve(byId("more"));
  if (!byId("more").hidden) end.observe(byId("more"));
}

for (const event of ["online", "focus"]) {
  addEventListener(event, () => {
    if (!byId("notice").hidden && byId("notice").querySelector("button")?.textContent === "Try again") searching.run(state);
  });
}

// --- begin

history.scrollRestoration = "manual";
history.replaceState({ ...history.state, entry, upload: state.upload }, "", address(state));
if (asks(state)) searching.run(state);
paint();
begin();

async function begin() {
  try {
    await start.load();
    if (!asks(state)) start.showGlimpse();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (asks(state)) return;
    const retry = make("button", { type: "button", className: "action", textContent: "Try again" });
    retry.addEventListener("click", begin);
    byId("start-title").textContent = error.status ? "Something is wrong" : "Nothing answers";
    byId("start-lead").replaceChildren(error.message, make("br"), retry);
  }
}
if (matchMedia("(hover: hover)").matches && !asks(state)) input.focus({ preventScroll: true });
