"use strict";
// The windows of inspect(): pictures come as a stream, keys and the mouse go back in order.
const token = location.hash.slice(1);
const auth = { authorization: `Bearer ${token}` };
const said = document.getElementById("said");
const windows = new Map();
let here = null; // the window under the pointer, which has the keyboard
let waiting = [];
let sending = false;

async function send() {
  if (sending || !waiting.length) return;
  sending = true;
  const events = waiting.splice(0, 64);
  try {
    const answer = await fetch("/done", { method: "POST", headers: auth, body: JSON.stringify(events) });
    if (!answer.ok) said.textContent = await answer.text();
  } catch { said.textContent = "The prompt does not answer."; }
  sending = false;
  send();
}

function tell(shown, event) {
  const last = waiting.at(-1);
  // of a movement only where it has got to
  if (last && event.type === "motion_notify" && last.type === event.type && last.figure === shown.number) waiting.pop();
  waiting.push({ figure: shown.number, ...event });
  send();
}

class Shown {
  constructor(number, title) {
    this.number = number;
    this.diff = false;
    this.drawing = Promise.resolve();
    this.asked = false;
    this.again = false;
    this.box = document.createElement("figure");
    const caption = document.createElement("figcaption");
    this.title = document.createElement("span");
    this.title.textContent = title;
    const close = document.createElement("button");
    close.textContent = "\u00d7";
    close.title = "close";
    close.addEventListener("click", () => tell(this, { type: "close" }));
    caption.append(this.title, close);
    this.canvas = document.createElement("canvas");
    this.line = document.createElement("pre");
    this.box.append(caption, this.canvas, this.line);
    document.getElementById("windows").append(this.box);
    this.listen();
    tell(this, { type: "set_device_pixel_ratio", device_pixel_ratio: devicePixelRatio });
  }

  listen() {
    const canvas = this.canvas;
    const names = { mousedown: "button_press", mouseup: "button_release", mousemove: "motion_notify",
                    dblclick: "dblclick", mouseenter: "figure_enter", mouseleave: "figure_leave" };
    for (const [from, to] of Object.entries(names)) canvas.addEventListener(from, (event) => this.mouse(to, event));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.mouse("scroll", event, { step: event.deltaY < 0 ? 1 : -1 });
    }, { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.box.addEventListener("mouseenter", () => {
      if (here) here.box.classList.remove("here");
      here = this;
      this.box.classList.add("here");
    });
  }

  mouse(type, event, more = {}) {
    const ratio = devicePixelRatio;
    const modifiers = ["ctrl", "alt", "shift", "meta"].filter((name) => event[`${name}Key`]);
    tell(this, { type, x: event.offsetX * ratio, y: event.offsetY * ratio, button: event.button,
                 buttons: event.buttons, modifiers, ...more });
  }

  // one frame is asked for at a time
  draw() {
    if (this.asked) { this.again = true; return; }
    this.asked = true;
    tell(this, { type: "draw" });
  }

  hear(event) {
    if (event.type === "draw") this.draw();
    else if (event.type === "refresh") tell(this, { type: "refresh" });
    else if (event.type === "image_mode") { const diff = event.mode === "diff"; this.drawing = this.drawing.then(() => { this.diff = diff; }); }
    else if (event.type === "message") this.line.textContent = event.message;
    else if (event.type === "cursor") this.canvas.style.cursor = event.cursor;
    else if (event.type === "figure_label") this.title.textContent = event.label;
    else if (event.type === "closed") {
      this.box.remove();
      windows.delete(this.number);
      if (here === this) here = null;
    }
  }

  picture(bytes) {
    this.drawing = this.drawing.then(async () => {
      const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
      if (this.canvas.width !== image.width || this.canvas.height !== image.height) {
        this.canvas.width = image.width;
        this.canvas.height = image.height;
        this.canvas.style.width = `${image.width / devicePixelRatio}px`;
        this.canvas.style.height = `${image.height / devicePixelRatio}px`;
      }
      const context = this.canvas.getContext("2d");
      if (!this.diff) context.clearRect(0, 0, image.width, image.height);
      context.drawImage(image, 0, 0);
      image.close();
      this.box.dataset.frames = Number(this.box.dataset.frames || 0) + 1;
      this.asked = false;
      if (this.again) { this.again = false; this.draw(); }
    });
  }
}

document.addEventListener("keydown", (event) => {
  if (!here || event.metaKey || ["Shift", "Control", "Alt"].includes(event.key)) return;
  const modifiers = (event.ctrlKey ? "ctrl+" : "") + (event.altKey ? "alt+" : "");
  if (!modifiers) event.preventDefault();
  tell(here, { type: "key_press", key: `${modifiers}k${event.key}` });
});

function take(number, kind, content) {
  if (kind === 1) { windows.get(number)?.picture(content); return; }
  const event = JSON.parse(new TextDecoder().decode(content));
  if (event.type === "hello") begun = true;
  if (event.type === "hello") said.textContent = "Keys go to the window under the pointer; ? lists them at the prompt.";
  else if (event.type === "appeared") { if (!windows.has(number)) windows.set(number, new Shown(number, event.title)); }
  else windows.get(number)?.hear(event);
}

let begun = false;

async function listen() {
  const answer = await fetch("/events", { headers: auth });
  if (!answer.ok) { said.textContent = await answer.text(); return; }
  const reader = answer.body.getReader();
  let rest = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const joined = new Uint8Array(rest.length + value.length);
    joined.set(rest);
    joined.set(value, rest.length);
    rest = joined;
    while (rest.length >= 9) {
      const view = new DataView(rest.buffer, rest.byteOffset, 9);
      const end = 9 + view.getUint32(0);
      if (rest.length < end) break;
      take(view.getUint32(4), rest[8], rest.slice(9, end));
      rest = rest.slice(end);
    }
  }
}

listen().catch(() => {}).finally(() => {
  // whatever was said meanwhile, of a key that found no window
  if (begun) said.textContent = "The windows are gone: the prompt has ended.";
});
