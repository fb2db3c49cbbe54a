// Files that the page writes.

import { h } from "./dom.js";

/** Offers a text as a file to save. */
export function download(text, name, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** The name of a file of this sweep. */
export function fileName(sweep, part, extension) {
  const name = [sweep.spec, part].filter(Boolean).join("-");
  return `${name.replace(/[^A-Za-z0-9._]+/g, "-").replace(/^[-.]+|-+$/g, "")}.${extension}`;
}
