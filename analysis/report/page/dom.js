// Elements of the page; no text is ever parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. `onclick` and the like are listeners, true and false switch attributes, null leaves them out. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** The element of the page with an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Replaces the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A group of radio buttons of one name: `options` are [value, text] pairs. */
export function radios(name, label, options, chosen, choose) {
  const buttons = options.map(([value, text]) => {
    const input = h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => choose(value) });
    input.checked = value === chosen;
    return h("label", {}, input, h("span", {}, text));
  });
  return h("fieldset", { class: "radios" }, h("legend", {}, label), ...buttons);
}

/** Puts text on the clipboard and says so on the button. */
export async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = copiedByHand(text) ? "Copied" : "Press Ctrl-C";
  }
  setTimeout(() => (button.textContent = before), 1600);
}

function copiedByHand(text) {
  const area = h("textarea", { class: "aside", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
