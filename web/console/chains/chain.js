// A chain's editor: highlights, checks as one types, saves without overwriting others, tries and tests what stands there.
"use strict";

const bench = document.getElementById("bench");
const words = bench.dataset;
const offered = JSON.parse(words.offered);
const form = document.getElementById("draft");
const area = document.getElementById("text");
const state = document.getElementById("state");
const elsewhere = document.getElementById("elsewhere");
const headers = { "Content-Type": "application/json", "Accept-Language": words.lang };
let etag = form.elements.etag.value;
// What was sent and refused is not saved.
let saved = "dirty" in words ? null : area.value;
let theirs = null;
let live = words.live;
let released = false;
const publish = document.getElementById("publish");

const editor = makeEditor();
const text = () => editor.state.doc.toString();

function makeEditor() {
  const cm = window.webotEditor;
  const { tags } = cm;
  const style = cm.HighlightStyle.define([
    { tag: [tags.propertyName, tags.variableName], color: "var(--accent)" },
    { tag: tags.string, color: "var(--ok)" },
    { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
    { tag: [tags.number, tags.atom, tags.bool], color: "var(--amber)" },
  ]);
  const look = cm.EditorView.theme({
    "&": { backgroundColor: "var(--code)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "9px", fontSize: "13.5px" },
    ".cm-scroller": { fontFamily: 'ui-monospace, Consolas, "DejaVu Sans Mono", monospace, "Noto Sans CJK SC"', lineHeight: "1.6", minHeight: "420px", maxHeight: "68vh", overflow: "auto" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--soft)", border: "0" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
    ".cm-content": { caretColor: "var(--text)" },
    ".cm-cursor": { borderLeftColor: "var(--text)" },
    "&.cm-focused": { outline: "2px solid var(--accent)" },
    ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "9px", maxWidth: "min(460px, 90vw)" },
    ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--tint)", color: "var(--accent)" },
    // The editor's own marks are pictures in its style sheet, which the page's policy does not load.
    ".cm-lintRange": { backgroundImage: "none" },
    ".cm-lintRange-error": { textDecoration: "underline wavy var(--bad)" },
    ".cm-lintRange-warning": { textDecoration: "underline wavy var(--amber)" },
    ".cm-lint-marker": { width: "9px", height: "9px", borderRadius: "50%", margin: "6px 2px" },
    ".cm-lint-marker-error": { content: "normal", backgroundColor: "var(--bad)" },
    ".cm-lint-marker-warning": { content: "normal", backgroundColor: "var(--amber)" },
    ".cm-template": { color: "var(--amber)", fontWeight: "600" },
  });
  const marks = new cm.MatchDecorator({ regexp: /\{\{.*?\}\}|\{%.*?%\}/g, decoration: cm.Decoration.mark({ class: "cm-template" }) });
  const templates = cm.ViewPlugin.define(
    (view) => ({ decorations: marks.createDeco(view), update(change) { this.decorations = marks.updateDeco(change, this.decorations); } }),
    { decorations: (plugin) => plugin.decorations },
  );
  // In a shadow root the editor's styles are sheets of the document, which the page's policy allows.
  const root = document.getElementById("editor").attachShadow({ mode: "open" });
  const view = new cm.EditorView({
    root,
    parent: root,
    state: cm.EditorState.create({
      doc: area.value,
      extensions: [
        cm.lineNumbers(), cm.lintGutter(), cm.history(), cm.drawSelection(), cm.bracketMatching(), cm.closeBrackets(),
        cm.indentOnInput(), cm.highlightActiveLine(), cm.highlightActiveLineGutter(), cm.EditorView.lineWrapping,
        cm.StreamLanguage.define(cm.toml), cm.syntaxHighlighting(style), look, templates,
        cm.autocompletion({ override: [offer] }),
        cm.EditorView.contentAttributes.of({ "aria-label": area.getAttribute("aria-label"), spellcheck: "false" }),
        cm.keymap.of([
          { key: "Mod-s", run: () => { saveDraft(); return true; } },
          ...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.historyKeymap, ...cm.completionKeymap, ...cm.lintKeymap,
        ]),
        cm.EditorView.updateListener.of((update) => { if (update.docChanged) typed(); }),
      ],
    }),
  });
  area.hidden = true;
  return view;
}

function offer(context) {
  const options = (list, type) => list.map((label) => ({ label, type }));
  const variable = context.matchBefore(/\{\{\s*[\w]*$/);
  if (variable) {
    const begun = /\w*$/.exec(variable.text)[0].length;
    return { from: context.pos - begun, options: options(offered.variables, "variable") };
  }
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const value = /^\s*(model|chooser|tools|hands_to|channels)\s*=\s*(?:\[.*)?"([^"]*)$/.exec(before);
  if (value) {
    const lists = { model: offered.models, chooser: offered.models, tools: offered.tools, hands_to: offered.chains, channels: offered.channels };
    return { from: context.pos - value[2].length, options: options(lists[value[1]], "constant") };
  }
  const key = /^[a-z_]*$/.exec(before);
  if (key && (key[0] || context.explicit)) {
    return { from: line.from, options: Object.entries(offered.keys).map(([label, info]) => ({ label, type: "property", detail: info })) };
  }
  return null;
}

let checking = 0;
let timer = 0;

function typed() {
  area.value = text();
  tell(text() === saved ? words.saved : words.unsaved);
  clearTimeout(timer);
  timer = setTimeout(check, 350);
}

function tell(said) { state.textContent = said; }

async function check() {
  const number = ++checking;
  const doc = text();
  try {
    const answer = await fetch("/api/v1/chains/check", { method: "POST", headers, body: JSON.stringify({ name: words.name, text: doc }) });
    const found = await answer.json();
    if (number !== checking || doc !== text()) return;
    show(found.problems);
  } catch { tell(words.offline); }
}

function show(problems) {
  const lines = editor.state.doc;
  editor.dispatch(window.webotEditor.setDiagnostics(editor.state, problems.map((each) => {
    const line = lines.line(Math.min(Math.max(each.line, 1), lines.lines));
    return { from: line.from, to: line.to, severity: each.severity, message: each.sentence };
  })));
  const list = document.getElementById("problems");
  list.replaceChildren(...problems.map((each) => {
    const item = element("li", each.severity);
    if (each.line) {
      const jump = element("button", "", `${words.line} ${each.line}`);
      jump.type = "button";
      jump.addEventListener("click", () => {
        const at = editor.state.doc.line(Math.min(each.line, editor.state.doc.lines));
        editor.dispatch({ selection: { anchor: at.from }, scrollIntoView: true });
        editor.focus();
      });
      item.append(jump, " ");
    }
    item.append(each.sentence);
    return item;
  }));
  if (!problems.length) list.append(element("li", "fine", words.fine));
}

// Whether what stood in the editor is saved now.
async function save() {
  const doc = text();
  const guard = etag ? { "If-Match": `"${etag}"` } : { "If-None-Match": "*" };
  try {
    const answer = await fetch(`${words.api}/draft`, { method: "PUT", headers: { ...headers, ...guard }, body: JSON.stringify({ text: doc }) });
    const told = await answer.json();
    if (answer.status === 412) { await look(); tell(told.detail); return false; }
    if (!answer.ok) { tell(told.detail); return false; }
    seen(told.etag, doc);
    tell(text() === saved ? words.saved : words.unsaved);
    return true;
  } catch { tell(words.offline); }
  return false;
}

async function saveDraft() {
  const fresh = !etag;
  // The first draft brings the buttons that release it.
  if (await save() && fresh && text() === saved) location.reload();
}

// Saved before it is released, so that who is told of another's change keeps what stands here.
async function release() {
  const wrong = document.getElementById("release-wrong");
  wrong.hidden = true;
  if (text() !== saved && !await save()) {
    wrong.textContent = state.textContent;
    wrong.hidden = false;
    return;
  }
  released = true;
  form.elements.etag.value = etag;
  form.action = publish.formAction;
  form.submit();
}

function seen(mark, doc) {
  etag = mark;
  saved = doc;
  theirs = null;
  elsewhere.hidden = true;
  for (const field of document.querySelectorAll('input[name="etag"]')) field.value = mark;
}

function take(other) {
  const dirty = text() !== other.text;
  seen(other.etag, other.text);
  if (dirty) editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: other.text } });
}

async function look() {
  try {
    const answer = await fetch(`${words.api}/draft`, { headers });
    if (!answer.ok) return;
    const now = await answer.json();
    live = now.live_revision;
    if (now.etag === etag && (now.exists || now.text === saved)) return;
    if (text() === saved) {
      take(now);
      tell(words.changed);
    } else {
      theirs = now;
      elsewhere.hidden = false;
    }
  } catch { /* The next look comes soon. */ }
}

async function ask(event) {
  event.preventDefault();
  const button = event.submitter || event.target.querySelector("button");
  const [sent, tools, answer, facts] = ["sent", "tools", "answer", "facts"].map((id) => document.getElementById(id));
  document.getElementById("tried").hidden = false;
  for (const each of [sent, tools, answer]) each.replaceChildren();
  answer.className = facts.className = "";
  facts.textContent = words.asking;
  button.disabled = true;
  try {
    for await (const [kind, told] of events(`${words.api}/try`, headers, { text: document.getElementById("question").value, chain: text() })) {
      if (kind === "request") {
        sent.replaceChildren(...told.messages.map((each) => {
          const item = element("li", "", each.role);
          item.append(element("pre", "", each.text));
          return item;
        }));
        for (const each of told.doubts) tools.append(element("li", "", each));
      } else if (kind === "text") answer.append(told.text);
      else if (kind === "tool") tools.append(element("li", "", filled(words.tool, { name: told.use.name, arguments: told.use.arguments, output: told.output.slice(0, 500) })));
      else if (kind === "answer") {
        if (told.error) answer.textContent = told.error;
        else answer.innerHTML = told.html;
        answer.className = told.error ? "bubble bad" : "bubble";
        facts.textContent = [filled(words.facts, { ...told, cost: told.cost ? `${told.cost.toFixed(4)} ${told.currency}` : "0" }), ...told.faults].join("\n");
      } else { answer.textContent = told.detail; answer.className = "bubble bad"; facts.textContent = ""; }
    }
  } catch { facts.textContent = words.offline; }
  button.disabled = false;
}

async function run(source, begun = false) {
  const button = document.getElementById("run");
  const stop = document.getElementById("stop");
  const list = document.getElementById("cases");
  const sum = document.getElementById("sum");
  const leaving = new AbortController();
  stop.onclick = () => leaving.abort();
  const clear = () => {
    button.disabled = true;
    stop.hidden = false;
    list.replaceChildren();
    sum.textContent = words.asking;
    sum.className = "chip";
  };
  if (begun) clear();
  try {
    for await (const [kind, told] of source(leaving.signal)) {
      // Once more after the service was started anew: then from the beginning.
      if (kind === "begin") clear();
      if (kind === "case") {
        const item = element("li", told.passed ? "passed" : "failed", told.input);
        item.dataset.number = told.number;
        for (const fault of told.faults) item.append(element("small", "bad", fault));
        if (told.answer) {
          const shown = element("div", "bubble");
          shown.innerHTML = told.html;
          item.append(shown);
        }
        const after = [...list.children].find((each) => Number(each.dataset.number) > told.number);
        list.insertBefore(item, after || null);
      } else if (kind === "end") {
        sum.textContent = filled(words.sum, { passed: told.passed, all: told.passed + told.failed });
        sum.className = told.failed ? "chip amber" : "chip green";
      } else if (kind === "problem") { list.replaceChildren(element("li", "", told.detail)); sum.textContent = "–"; }
    }
  } catch { sum.textContent = leaving.signal.aborted ? words.stopped : words.offline; }
  button.disabled = false;
  stop.hidden = true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.submitter?.hasAttribute("formaction")) release();
  else saveDraft();
});
document.getElementById("try").addEventListener("submit", ask);
document.getElementById("run").addEventListener("click", () => run((signal) => events(`${words.api}/test`, headers, { chain: text() }, signal), true));
run((signal) => underWay(`${words.api}/test`, headers, "chain_test", signal));
document.getElementById("take").addEventListener("click", () => { if (theirs) take(theirs); });
// What stands here is kept, and the next save may replace what the other wrote, now that it has been seen.
document.getElementById("keep").addEventListener("click", () => { if (theirs) { etag = theirs.etag; saved = theirs.text; elsewhere.hidden = true; tell(words.unsaved); } });
window.addEventListener("beforeunload", (event) => { if (!released && text() !== saved) event.preventDefault(); });
setInterval(() => { if (!document.hidden && elsewhere.hidden) look(); }, 2000);
check();
