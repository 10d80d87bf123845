// @ts-check
// The page: one state, kept in the address; everything on screen follows from it.

import { Failure } from "./api.js";
import { Chip } from "./chip.js";
import { Detail } from "./detail.js";
import * as dialogs from "./dialogs.js";
import { byId, isPlain } from "./dom.js";
import { Grid } from "./grid.js";
import { Journey } from "./journey.js";
import * as keys from "./keys.js";
import { address, asks, NOTHING, queryKey, targetOf } from "./location.js";
import { Results } from "./results.js";
import { Searching } from "./searching.js";
import { Start } from "./start.js";
import * as upload from "./upload.js";
import * as words from "./words.js";

/** @typedef {import("./api.js").Hit} Hit */

const TYPING_MS = 150;
// The results are fetched on when so few are left to leaf through.
const NEARLY_ALL = 6;

const input = byId("q");

const journey = new Journey(({ asked, came, typed }) => {
  if (asked) ask(came, typed);
  paint();
});

const tiles = {
  open: (/** @type {number} */ id) => journey.open(id),
  href: (/** @type {number} */ id) => address({ ...journey.state, item: id }),
  leave: toSearch,
};

/** What the start page shows. @type {Hit[]} */
let glimpse = [];
const glimpseGrid = new Grid(byId("glimpse-grid"), tiles, 3);

const results = new Results({
  ...tiles,
  more: () => searching.more(journey.state),
  retry: () => searching.run(journey.state),
  clear,
});

const searching = new Searching({
  picture: upload.recall,
  answered: (answer, more) => {
    results.show(journey.state, answer, more);
    placeDetail();
  },
  failed: (failure, grown) => (grown ? results.failMore(failure) : results.fail(failure)),
  busy: (busy) => results.busy(busy, journey.state),
});

const chip = new Chip(() => {
  journey.go({ like: null, upload: null });
  toSearch();
});

const start = new Start({
  search: (q) => journey.go({ ...NOTHING, q }),
  glimpse: (hits) => {
    glimpse = hits;
    glimpseGrid.show(hits);
    placeDetail();
  },
});

const detail = new Detail({
  step,
  closed: () => {
    const id = journey.state.item;
    journey.close();
    detail.close();
    if (id !== null) list().focusItem(id);
  },
  like: (id, target) => {
    results.focusNext();
    journey.go({ ...NOTHING, like: id, target });
  },
  hrefLike: (id, target) => address({ ...NOTHING, like: id, target }),
});

// --- from the state to the screen

/**
 * @param {boolean} came
 * @param {boolean} typed
 */
function ask(came, typed) {
  if (!asks(journey.state)) {
    searching.stop();
    results.clear();
  } else if (!came || !searching.again(journey.state)) {
    searching.run(journey.state, typed ? TYPING_MS : 0);
  }
}

function paint() {
  const { q, target, like, upload } = journey.state;
  const asking = asks(journey.state);
  if (input.value.trim() !== q) input.value = q;
  const kind = words.KINDS[target];
  input.placeholder = like !== null || upload ? "Add words" : `Search your ${kind}s`;
  for (const radio of document.querySelectorAll("input[name=target]")) {
    const one = /** @type {HTMLInputElement} */ (radio);
    one.checked = one.value === target;
  }
  byId("clear").hidden = !asking;
  byId("start").hidden = asking;
  byId("results").hidden = !asking;
  document.title = q ? `${q} – atisbo` : "atisbo";
  chip.show(journey.state);
  if (!asking) start.showGlimpse();
  placeDetail();
}

/** The hits on screen. */
const shown = () => (asks(journey.state) ? results.hits : glimpse);

/** The list of the hits on screen. */
function list() {
  if (!asks(journey.state)) return glimpseGrid;
  return journey.state.target === "text" ? results.captions : results.grid;
}

function placeDetail() {
  const id = journey.state.item;
  if (id === null) {
    detail.close();
    return;
  }
  const hits = shown();
  const index = hits.findIndex((hit) => hit.item.id === id);
  const next = hits[index + 1]?.item;
  const place = {
    index,
    total: hits.length,
    score: hits[index]?.score,
    next: (next?.picture ?? next)?.thumbnail ?? null,
  };
  detail.open(id, hits[index]?.item ?? null, index < 0 ? null : place);
}

/** @param {number} by */
function step(by) {
  const hits = shown();
  const index = hits.findIndex((hit) => hit.item.id === journey.state.item);
  const next = index < 0 ? undefined : hits[index + by];
  if (!next) return;
  journey.go({ item: next.item.id }, "replace");
  if (index + by >= hits.length - NEARLY_ALL) searching.more(journey.state);
}

// --- what the visitor does

function toSearch() {
  input.focus();
  input.select();
}

function clear() {
  input.value = "";
  journey.go({ ...NOTHING, target: journey.state.target });
  input.focus();
}

/** @param {File} picture */
async function searchBy(picture) {
  journey.go({ upload: await upload.keep(picture), like: null, item: null });
}

input.addEventListener("input", () => {
  const q = input.value.trim();
  if (q !== journey.state.q) journey.type(q);
});
input.addEventListener("blur", () => journey.settle());
input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key === "Escape") {
    event.preventDefault();
    if (asks(journey.state) || input.value) clear();
    else input.blur();
  } else if (event.key === "ArrowDown" && shown().length) {
    event.preventDefault();
    list().focus(0);
  }
});
byId("search").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  journey.settle();
  const { state } = journey;
  if (asks(state) && results.answered !== queryKey(state)) searching.run(state);
  if (matchMedia("(hover: none)").matches) input.blur(); // puts a phone's keyboard away
});
byId("search").addEventListener("change", (/** @type {Event} */ event) => {
  const { name, value } = /** @type {HTMLInputElement} */ (event.target);
  if (name !== "target") return;
  journey.go({ target: targetOf(value) }, asks(journey.state) ? "push" : "replace");
});
byId("clear").addEventListener("click", clear);
byId("home").addEventListener("click", (/** @type {MouseEvent} */ event) => {
  if (!isPlain(event)) return;
  event.preventDefault();
  journey.go(NOTHING);
});
byId("skip").addEventListener("click", (/** @type {Event} */ event) => {
  // Not by the address: its hash would be one more step for the back button.
  event.preventDefault();
  if (shown().length) list().focus(0);
  else byId("main").focus();
});
byId("choose").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", () => {
  const file = byId("file").files[0];
  byId("file").value = "";
  if (file) searchBy(file);
});
upload.listen(byId("drop"), searchBy);
keys.listen({ search: toSearch, help: dialogs.help });
dialogs.prepare();

// --- begin

async function begin() {
  try {
    await start.load();
    results.moments = Boolean(start.status?.moments);
    if (!asks(journey.state)) start.showGlimpse();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    start.fail(error, begin);
  }
}

// Whoever comes back has perhaps started the service, or filled the library, meanwhile.
for (const event of ["online", "focus"]) {
  addEventListener(event, () => {
    if (results.failed) searching.run(journey.state);
    if (!start.full) begin();
  });
}

if (asks(journey.state)) searching.run(journey.state);
paint();
begin();
if (matchMedia("(hover: hover)").matches && !asks(journey.state)) {
  input.focus({ preventScroll: true });
}
