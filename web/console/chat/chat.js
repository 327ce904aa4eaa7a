// The chat page: shows the conversation as it comes, and sends what is written, pasted, dropped or pressed.
"use strict";

const { user, channel, group, name, stream: streamUrl, do: doUrl, upload: uploadUrl, ...said } = document.body.dataset;
const [stream, scroll, typing, welcome, newer, text, send, composer, files, toasts] =
  ["stream", "scroll", "typing", "welcome", "newer", "text", "send", "composer", "files", "toasts"]
    .map((id) => document.getElementById(id));

const LARGEST = 20 * 1024 * 1024;
const PATIENCE = 90_000;
const PAUSE = 300;

// What comes.

let lastAt = 0;
let thinking = 0;
let complained = 0;

function atEnd() {
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
}

function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
  newer.hidden = true;
}

function expect(waits) {
  clearTimeout(thinking);
  typing.hidden = !waits;
  if (waits) thinking = setTimeout(() => { typing.hidden = true; }, PATIENCE);
}

function show(html) {
  const follow = atEnd();
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  const entry = holder.content.firstElementChild;
  const at = Number(entry.dataset.at);
  if (at - lastAt > PAUSE && !(entry.dataset.stream && stream.querySelector(`[data-stream="${CSS.escape(entry.dataset.stream)}"]`))) {
    const when = document.createElement("li");
    when.className = "when";
    when.textContent = new Date(at * 1000).toLocaleString(document.documentElement.lang, {
      month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit",
    });
    stream.append(when);
  }
  lastAt = at;
  // An answer that grows comes again and again: it stays where it is.
  const before = entry.dataset.stream && stream.querySelector(`[data-stream="${CSS.escape(entry.dataset.stream)}"]`);
  if (before) before.replaceWith(entry);
  else stream.append(entry);
  welcome.hidden = true;
  noteJudgement(entry);
  const waits = "waits" in entry.dataset;
  expect(waits && Date.now() - at * 1000 < PATIENCE);
  if (follow || entry.classList.contains("mine")) toEnd();
  else newer.hidden = false;
  // What comes later makes the page grow under the reader.
  entry.querySelectorAll("img").forEach((picture) => {
    picture.addEventListener("load", () => { if (follow) toEnd(); }, { once: true });
  });
  document.getElementById("faults").dispatchEvent(new Event("refresh"));
}

let source = null;
let seen = "";

function listen() {
  source?.close();
  source = new EventSource(seen ? `${streamUrl}&seen=${encodeURIComponent(seen)}` : streamUrl);
  source.addEventListener("entry", (event) => { seen = event.lastEventId; show(event.data); });
  source.addEventListener("begin", () => {
    // A service that was started anew remembers nothing, and tells from the beginning what it knows.
    stream.replaceChildren();
    lastAt = 0;
    expect(false);
    setTimeout(() => { welcome.hidden = stream.childElementCount > 0; }, 150);
  });
  source.addEventListener("error", () => {
    if (Date.now() - complained > 10_000) { tell(said.offline); complained = Date.now(); }
    // The browser tries again by itself, except after an answer that was no stream.
    if (source.readyState === EventSource.CLOSED && !document.hidden) setTimeout(listen, 3000);
  });
}

listen();
// A browser keeps six connections to one server: pages nobody looks at must not hold them all.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) source.close();
  else if (source.readyState === EventSource.CLOSED) listen();
});
newer.addEventListener("click", toEnd);
scroll.addEventListener("scroll", () => { if (atEnd()) newer.hidden = true; });
new ResizeObserver(() => { if (newer.hidden) toEnd(); }).observe(scroll);

// What is said.

function tell(message) {
  const toast = document.createElement("p");
  toast.textContent = message;
  toasts.append(toast);
  setTimeout(() => toast.remove(), 6000);
}

function mark(posting) {
  if (posting.addressed === false) tell(said.unaddressed);
  const tries = posting.statuses.length;
  const failed = !posting.accepted;
  if (failed) { tell(said.notAccepted.replace("{statuses}", posting.statuses.join(", "))); expect(false); }
  const entry = posting.msg_id && stream.querySelector(`[data-msg="${CSS.escape(posting.msg_id)}"] .mark`);
  if (entry && (failed || tries > 1)) {
    entry.textContent = failed ? "✕" : said.late.replace("{tries}", tries);
    entry.classList.toggle("bad", failed);
  }
}

async function post(url, fields) {
  const form = new FormData();
  for (const [field, value] of Object.entries({ user, channel, group, ...fields })) form.append(field, value);
  try {
    const answer = await fetch(url, { method: "POST", body: form, headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (answer.ok) [told].flat().forEach(mark);
    else tell(told.detail || said.failed);
    return answer.ok;
  } catch {
    tell(said.offline);
    return false;
  }
}

async function say(words) {
  if (!words.trim()) return;
  const quote = takeQuote();
  if (!await post(doUrl, { kind: "text", text: mentioned(words), quote }) && !text.value) { text.value = words; fit(); }
}

function sendAll(list) {
  // What is written already goes with the first file: a bot gets both as one message.
  const bot = "bot" in document.body.dataset;
  for (const file of list) {
    if (file.size > LARGEST) { tell(said.tooLarge.replace("{name}", file.name)); continue; }
    const words = bot ? text.value : "";
    if (words.trim()) {
      post(uploadUrl, { file, text: mentioned(words), quote: takeQuote() });
      text.value = "";
      fit();
    } else post(uploadUrl, { file });
  }
}

// In groups: the bot's name in front, and what is quoted.

const mention = document.getElementById("mention");
const [quoting, unquote, judge] = ["quoting", "unquote", "judge"].map((id) => document.getElementById(id));
let quoted = "";

function mentioned(words) {
  if (!mention || mention.getAttribute("aria-pressed") !== "true" || words.trimStart().startsWith(`@${name}`)) return words;
  return `@${name} ${words}`;
}

function takeQuote() {
  const number = quoted;
  quoted = "";
  quoting.hidden = true;
  return number;
}

mention?.addEventListener("click", () => {
  mention.setAttribute("aria-pressed", String(mention.getAttribute("aria-pressed") !== "true"));
  text.focus();
});
unquote.addEventListener("click", () => { takeQuote(); text.focus(); });

// Thumbs: what the reader has said of an answer, by the answer's name.

const judged = new Map();
let judging = null;

function showJudgement(holder) {
  const judgement = judged.get(holder.dataset.feedback) || "";
  holder.querySelectorAll("[data-judge]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.judge === judgement));
  });
}

function noteJudgement(entry) {
  if (entry.dataset.judged) {
    judged.set(entry.dataset.judged, entry.dataset.judgement);
    stream.querySelectorAll(`[data-feedback="${CSS.escape(entry.dataset.judged)}"]`).forEach(showJudgement);
  }
  entry.querySelectorAll("[data-feedback]").forEach(showJudgement);
}

function press(button) {
  const answer = button.parentElement.dataset.feedback;
  const judgement = button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.judge;
  if (judgement !== "bad") { post(doUrl, { kind: "feedback", answer, judgement }); return; }
  judging = answer;
  judge.querySelector("textarea").value = "";
  judge.showModal();
}

judge.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  judge.close();
  post(doUrl, { kind: "feedback", answer: judging, judgement: "bad", why: judge.querySelector("textarea").value.trim() });
});

stream.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  if (button.dataset.press) post(doUrl, { kind: "click", key: button.dataset.press });
  else if (button.dataset.judge) press(button);
  else if (button.dataset.quote) {
    quoted = button.dataset.quote;
    const of = button.closest(".entry").querySelector(".bubble, .picture, .file .name");
    quoting.firstElementChild.textContent = of.innerText.trim() || of.querySelector("img")?.alt || "";
    quoting.hidden = false;
    text.focus();
  }
});

function fit() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
  send.disabled = !text.value.trim();
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const words = text.value;
  text.value = "";
  fit();
  say(words);
  text.focus();
});
text.addEventListener("input", fit);
text.addEventListener("keydown", (event) => {
  // 229: some input methods end a composition with an Enter that is no longer marked as one.
  const composing = event.isComposing || event.keyCode === 229;
  if (event.key !== "Enter" || event.shiftKey || composing) return;
  event.preventDefault();
  if (text.value.trim()) composer.requestSubmit();
});
text.addEventListener("paste", (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  sendAll(event.clipboardData.files);
});
files.addEventListener("change", () => { sendAll(files.files); files.value = ""; });

const drop = document.getElementById("drop");
const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
addEventListener("dragover", (event) => { if (carriesFiles(event)) { event.preventDefault(); drop.hidden = false; } });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.hidden = true; });
addEventListener("drop", (event) => {
  drop.hidden = true;
  if (!carriesFiles(event)) return;
  event.preventDefault();
  sendAll(event.dataTransfer.files);
});

// What is pressed.

document.querySelectorAll("[data-say]").forEach((button) => {
  button.addEventListener("click", () => say(button.dataset.say));
});
document.querySelectorAll("[data-view]").forEach((link) => {
  link.addEventListener("click", () => { post(doUrl, { kind: "view", url: link.dataset.view }); });
});
document.querySelectorAll("[data-side]").forEach((button) => {
  button.addEventListener("click", () => document.body.classList.toggle("side-open"));
});
document.querySelectorAll("[data-dialog]").forEach((button) => {
  button.addEventListener("click", () => document.getElementById(button.dataset.dialog).showModal());
});
document.querySelectorAll("[data-close]").forEach((button) => {
  button.addEventListener("click", () => button.closest("dialog").close());
});
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.group[open]").forEach((group) => {
    if (!group.contains(event.target) || event.target.closest(".popup")) group.open = false;
  });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.body.classList.remove("side-open");
  document.querySelectorAll("details.group[open]").forEach((group) => { group.open = false; });
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.successful && detail.pathInfo.requestPath.startsWith(doUrl)) mark(JSON.parse(detail.xhr.responseText));
  if (detail.successful) detail.elt.closest("dialog")?.close();
});
document.addEventListener("htmx:responseError", ({ detail }) => {
  let told = "";
  try { told = JSON.parse(detail.xhr.responseText).detail; } catch { /* no JSON: nothing to read out */ }
  tell(told || said.failed);
});
document.addEventListener("htmx:sendError", () => tell(said.offline));

text.focus({ preventScroll: true });
fit();
