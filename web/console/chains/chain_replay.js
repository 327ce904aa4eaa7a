// A replay: the pairs as they come, the sums with them, and the judgements by hand, which the server keeps.
"use strict";

const replay = document.getElementById("replay");
const sentences = replay?.dataset;
const pairs = document.getElementById("pairs");
const stop = document.getElementById("replay-stop");
const progress = document.getElementById("replay-progress");
const said = document.getElementById("replay-state");
const sums = document.getElementById("sums");
const shown = [];
let job = sentences?.job || "";
let judged = { items: [], better: 0, same: 0, worse: 0, judges: [] };

let asked = 0;
let before = Promise.resolve();

// One after the other: each answer counts what was chosen before it.
function ask(place, sent) {
  const number = ++asked;
  const answered = before.then(() => send(number, place, sent));
  before = answered.catch(() => {});
  return answered;
}

async function send(number, place, sent) {
  const body = sent && { method: "PUT", body: JSON.stringify(sent) };
  const answer = await fetch(`${jobsOf(sentences.api)}/${job}/judgements${place}`, { headers: headersOf(), ...body });
  const listing = answer.ok && (await answer.json());
  // What was asked before the latest choice does not know it.
  if (!listing || number !== asked) return;
  judged = listing;
  for (const item of pairs.children) fillHand(item);
  addUpHand();
}

function headersOf() {
  return { "Content-Type": "application/json", "Accept-Language": sentences.lang };
}

function isUnfit(answer) {
  return !answer.error && (answer.stood_in || Boolean(answer.cut));
}

function faultsOf(answer) {
  const cuts = { length: sentences.cutLength, filtered: sentences.cutFiltered, interrupted: sentences.cutInterrupted };
  return [answer.stood_in ? filled(sentences.stoodIn, answer) : "", cuts[answer.cut] || ""].filter(Boolean).join(" · ");
}

function fillSide(item, kind, told) {
  const answer = told[kind];
  const side = item.querySelector(`.pair-side.${kind}`);
  const text = side.querySelector(".pair-text");
  text.classList.toggle("bad", Boolean(answer.error));
  if (answer.error) text.textContent = answer.error;
  else text.innerHTML = told[`${kind}_html`];
  const faults = side.querySelector(".pair-faults");
  faults.textContent = isUnfit(answer) ? faultsOf(answer) : "";
  faults.hidden = !isUnfit(answer);
  const facts = filled(sentences.facts, {
    model: answer.model || "–",
    seconds: (answer.milliseconds / 1000).toFixed(1),
    tokens: answer.input_tokens + answer.output_tokens,
    cost: `${answer.cost.toFixed(4)} ${answer.currency}`,
  });
  const used = answer.tools.length ? ` · ${filled(sentences.tools, { names: answer.tools.map((each) => each.name).join(", ") })}` : "";
  side.querySelector(".pair-facts").textContent = facts + used;
}

function show(told) {
  const item = document.getElementById("pair").content.firstElementChild.cloneNode(true);
  shown.push(told);
  item.classList.toggle("unchanged", !told.changed && !told.unfit);
  item.dataset.trace = told.trace;
  item.id = `q${told.trace}`;
  item.querySelector(".pair-question").textContent = told.question;
  if (told.verdict) {
    const chip = item.querySelector(".pair-verdict");
    chip.classList.add(told.verdict);
    chip.textContent = sentences[told.verdict];
    chip.hidden = false;
  }
  const why = item.querySelector(".pair-why");
  why.textContent = told.why;
  why.hidden = !told.why;
  fillSide(item, "live", told);
  fillSide(item, "draft", told);
  pairs.append(item);
  judgedByHand(item);
}

function judgedByHand(item) {
  const { trace } = item.dataset;
  item.querySelector(".pair-keep").hidden = true;
  for (const choice of item.querySelectorAll(".pair-hand input")) {
    choice.addEventListener("change", () => ask(`/${trace}`, { verdict: choice.value }).catch(() => { said.textContent = sentences.offline; }));
  }
  fillHand(item);
}

function fillHand(item) {
  const own = judged.items.filter((each) => String(each.trace) === item.dataset.trace);
  const mine = own.find((each) => each.by === sentences.me);
  for (const choice of item.querySelectorAll(".pair-hand input")) choice.checked = choice.value === mine?.verdict;
  const others = own.filter((each) => each !== mine);
  item.querySelector(".pair-others").textContent = others.map((each) => `${named(each.by)}: ${sentences[each.verdict]}`).join(" · ");
}

function named(by) { return by.replace(/^console:/, ""); }

function addUpHand() {
  const by = judged.judges.length > 1 ? ` (${judged.judges.map(named).join(", ")})` : "";
  document.getElementById("sum-hand").textContent = filled(sentences.judged, judged) + by;
}

function count(verdicts) {
  const of = (wanted) => verdicts.filter((each) => each === wanted).length;
  return filled(sentences.judged, { better: of("better"), same: of("same"), worse: of("worse") });
}

function addUp() {
  for (const kind of ["live", "draft"]) {
    const answers = shown.map((each) => each[kind]);
    const own = answers.filter((each) => !isUnfit(each));
    const total = (key) => own.reduce((sum, each) => sum + each[key], 0);
    const times = own.map((each) => each.milliseconds).sort((a, b) => a - b);
    const values = {
      answers: answers.length,
      errors: answers.filter((each) => each.error).length,
      unfit: answers.length - own.length,
      tools: own.reduce((sum, each) => sum + each.tools.length, 0),
      input_tokens: total("input_tokens").toLocaleString("en"),
      output_tokens: total("output_tokens").toLocaleString("en"),
      cost: total("cost").toFixed(4),
      milliseconds: times.length ? `${(times[Math.floor(times.length / 2)] / 1000).toFixed(1)} s` : "–",
    };
    for (const cell of document.querySelectorAll(`#totals-${kind} [data-sum]`)) cell.textContent = values[cell.dataset.sum];
  }
  const unfit = shown.filter((each) => each.unfit).length;
  const changed = { changed: shown.filter((each) => each.changed).length, questions: shown.length };
  document.getElementById("changed").textContent = filled(sentences.changed, changed) + (unfit ? filled(sentences.notCompared, { unfit }) : "");
  document.getElementById("sum-model").textContent = count(shown.map((each) => each.verdict));
}

function begin() {
  sums.hidden = false;
  sums.querySelector(".replay-only").hidden = false;
}

function run(event) {
  event.preventDefault();
  const { last, rubric, judge: judging, tools, fresh } = replay.elements;
  const wish = { last: Number(last.value), rubric: rubric.value.trim(), judge: judging.value, tools: tools.checked, fresh: fresh.checked };
  sums.querySelector(".sum-model").hidden = !wish.rubric;
  follow((headers, signal) => events(sentences.api, headers, wish, signal, begun), true);
}

// From now on the page is this replay's, to come back to and to give to a colleague.
function begun(id) {
  if (id === job) return;
  job = id;
  history.replaceState(null, "", sentences.page.replace(/(\?|$)/, `/${id}$1`));
}

async function follow(source, isNew = false) {
  const button = replay.querySelector("button");
  const leaving = new AbortController();
  const wrong = document.getElementById("replay-wrong");
  const headers = headersOf();
  let all = 0;
  stop.onclick = () => leaving.abort();
  const clear = () => {
    shown.length = 0;
    pairs.replaceChildren();
    sums.hidden = wrong.hidden = true;
    button.disabled = true;
    stop.hidden = progress.hidden = false;
    progress.removeAttribute("value");
    said.textContent = "";
  };
  if (isNew) clear();
  try {
    for await (const [kind, told] of source(headers, leaving.signal)) {
      if (kind === "begin") {
        // Once more after the service was started anew: then from the beginning.
        clear();
        all = told.questions;
        progress.max = Math.max(all, 1);
        progress.value = 0;
        for (const kind of ["live", "draft"]) document.querySelector(`#totals-${kind} code`).textContent = told[kind];
        if (all) begin();
      } else if (kind === "pair") {
        show(told);
        progress.value = shown.length;
        said.textContent = filled(sentences.progress, { done: shown.length, all });
        addUp();
      } else if (kind === "end") {
        said.textContent = all ? sentences.ended : sentences.none;
        await ask("");
      }
      else {
        wrong.textContent = told.detail;
        wrong.hidden = false;
        said.textContent = "";
      }
    }
  } catch { said.textContent = leaving.signal.aborted ? sentences.stopped : sentences.offline; }
  button.disabled = false;
  stop.hidden = progress.hidden = true;
}

replay?.addEventListener("submit", run);
if (replay && !job) follow((headers, signal) => underWay(sentences.api, headers, "chain_replay", signal, begun));
else if (replay && sentences.state === "running") follow((headers, signal) => eventsOf(sentences.api, headers, job, signal, begun));
else if (replay) {
  for (const item of pairs.children) judgedByHand(item);
  if (pairs.children.length) begin();
  ask("");
}
// A colleague may have judged meanwhile.
window.addEventListener("focus", () => { if (job && pairs.children.length) ask(""); });
document.getElementById("only-changed")?.addEventListener("change", (event) => pairs.classList.toggle("only-changed", event.target.checked));
