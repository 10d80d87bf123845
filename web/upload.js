// @ts-check
// Pictures of the visitor to search by: dropped, pasted or chosen, and kept in this tab only.
//
// They are kept under a short name that history.state holds, so that back, forward and, with a
// smaller copy in sessionStorage, reloading work.

const SMALL_SIDE = 512;

// The service refuses more; a picture this large is sent as a smaller copy.
const LARGEST_BYTES = 32 * 2 ** 20;
const COPY_SIDE = 2048;

/** @type {Map<string, Blob>} */
const kept = new Map();

/**
 * Keeps the picture and returns its name.
 * @param {Blob} picture
 */
export async function keep(picture) {
  const name = Math.random().toString(36).slice(2, 10);
  const sent = picture.size > LARGEST_BYTES ? await copy(picture, COPY_SIDE) : picture;
  kept.set(name, sent ?? picture);
  const small = await copy(picture, SMALL_SIDE);
  if (small) {
    try {
      sessionStorage.setItem(`upload:${name}`, await asText(small));
    } catch {
      // Full or forbidden: the picture then does not outlive a reload, and the page says so.
    }
  }
  return name;
}

/**
 * Returns the picture of this name, a smaller copy after a reload, or null.
 * @param {string} name
 * @returns {Promise<Blob | null>}
 */
export async function recall(name) {
  const there = kept.get(name);
  if (there) return there;
  const text = stored(name);
  if (!text) return null;
  const bytes = Uint8Array.from(atob(text.slice(text.indexOf(",") + 1)), (c) => c.charCodeAt(0));
  const blob = new Blob([bytes], { type: "image/jpeg" });
  kept.set(name, blob);
  return blob;
}

/**
 * Calls `take` with each picture that is dropped on the page or pasted into it.
 * @param {HTMLElement} sign  Shown while a file is over the page.
 * @param {(picture: File) => void} take
 */
export function listen(sign, take) {
  let inside = 0;
  let own = false;
  /** @param {DragEvent} event */
  const isFile = (event) => !own && (event.dataTransfer?.types.includes("Files") ?? false);
  addEventListener("dragstart", () => (own = true));
  addEventListener("dragend", () => (own = false));
  addEventListener("dragenter", (event) => {
    if (!isFile(event)) return;
    inside += 1;
    sign.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!isFile(event)) return;
    inside = Math.max(0, inside - 1);
    sign.hidden = inside === 0;
  });
  addEventListener("dragover", (event) => {
    if (isFile(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    inside = 0;
    sign.hidden = true;
    if (!isFile(event)) return;
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
  });
  addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) =>
      one.type.startsWith("image/"),
    );
    if (!file) return;
    event.preventDefault();
    take(file);
  });
}

/**
 * Returns a JPEG of at most this size, or null for a format that the browser cannot read.
 * @param {Blob} picture
 * @param {number} side
 * @returns {Promise<Blob | null>}
 */
async function copy(picture, side) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(picture);
  } catch {
    return null;
  }
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const pen = canvas.getContext("2d");
  if (!pen) return null;
  // JPEG has no alpha; the service puts transparent pictures on white too.
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
}

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
function asText(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** @param {string} name */
function stored(name) {
  try {
    return sessionStorage.getItem(`upload:${name}`);
  } catch {
    return null;
  }
}
