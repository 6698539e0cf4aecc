// Elements from data. Text is only ever text: nothing here, or anywhere on the page, makes markup of a string.

/** Letters of one text that are shown: a keeper may say a megabyte. */
const LONGEST = 20_000;

const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length - LONGEST} letters more)` : text);

const SVG = "http://www.w3.org/2000/svg";

/** An element: `properties` are attributes, but for `class`, `on` (listeners by event), `style` (custom properties and styles by
 *  name), `data` (data-*), and `text`. Children are elements or text; what is null or false is left out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") Object.entries(value).forEach(([event, listener]) => element.addEventListener(event, listener));
    else if (name === "style") Object.entries(value).forEach(([key, each]) => element.style.setProperty(key, each));
    else if (name === "data") Object.entries(value).forEach(([key, each]) => { if (each !== null && each !== undefined) element.dataset[key] = each; });
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map((child) => (child instanceof Node ? child : document.createTextNode(cut(String(child))))));
  return element;
}

/** Puts children in the place of those that are there. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Changes a text only where it is another one, so that an idle page paints nothing. */
export function say(element, text) {
  const shown = cut(String(text));
  if (element.textContent !== shown) element.textContent = shown;
}

/** Keeps one element for each item of a list, by key, in order: what stays is only updated. */
export function keyed(parent, items, key, make, update) {
  const named = items.map((item) => [String(key(item)), item]);
  const wanted = new Set(named.map(([name]) => name));
  // What goes, goes first: what stays is then in its place, and keeps the focus that it may have.
  [...parent.children].filter((child) => !wanted.has(child.dataset.key)).forEach((child) => child.remove());
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let at = parent.firstChild;
  for (const [name, item] of named) {
    let element = known.get(name);
    if (!element) {
      element = make(item);
      element.dataset.key = name;
    }
    update?.(element, item);
    if (element === at) at = at.nextSibling;
    else parent.insertBefore(element, at);
  }
}

/** A title line of a view. */
export function heading(title, words, ...more) {
  return h("div", { class: "title" }, h("h1", {}, title), words ? h("p", {}, words) : null, ...more);
}

/** A card with a heading. */
export function card(title, note, ...children) {
  return h("section", { class: "card" }, h("h2", {}, title, note ? h("span", { class: "muted" }, note) : null), ...children);
}

/** A command with a button that copies it. */
export function command(text, label = "Copy") {
  const shown = h("code", { class: "command", tabindex: "0", role: "textbox", "aria-readonly": "true", "aria-label": "Command", text });
  const button = h("button", { type: "button", class: "plain" }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(shown.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(shown);
      button.textContent = "Marked: copy it with the keyboard";
    }
    setTimeout(() => (button.textContent = label), 1600);
  });
  return { element: h("div", { class: "with-copy" }, shown, button), set: (words) => { shown.textContent = words; } };
}

/** A pictogram of the frame. */
export function icon(path) {
  return s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: path }));
}

/** Whether the reader has asked for little motion. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
