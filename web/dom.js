// @ts-check
// Elements made in code. Data reaches the page as text or as properties only, never as markup.

/**
 * Returns the element with this id, which index.html has.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found;
}

/**
 * Returns a new element with these properties and children.
 * @param {string} name
 * @param {Record<string, unknown>} [properties] DOM properties; names with a hyphen are attributes.
 * @param {...(Node | string | null)} children
 * @returns {any}
 */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-")) element.setAttribute(key, String(value));
    else /** @type {any} */ (element)[key] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * Returns one of the drawings at the top of index.html.
 * @param {string} name
 */
export function icon(name) {
  const namespace = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(namespace, "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(namespace, "use");
  use.setAttribute("href", `#i-${name}`);
  drawing.append(use);
  return drawing;
}

/**
 * Shows the picture softly once it is there, at once if it already is.
 * @param {HTMLImageElement} image
 */
export function fadeIn(image) {
  if (image.complete && image.naturalWidth) {
    image.classList.add("there");
    return;
  }
  image.addEventListener("load", () => image.classList.add("there"), { once: true });
}

/**
 * Returns whether a click asks for what the page does, not for a new tab or a download.
 * @param {MouseEvent} event
 */
export function isPlain(event) {
  return event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
}
