// A replay: the pairs as they come, the sums with them, and one's own judgements, which this browser keeps by number.
"use strict";

const replay = document.getElementById("replay");
const sentences = replay?.dataset;
const pairs = document.getElementById("pairs");
const stop = document.getElementById("replay-stop");
const progress = document.getElementById("replay-progress");
const said = document.getElementById("replay-state");
const sums = document.getElementById("sums");
const shown = [];
let revisions = "";

function judgements() {
  try { return JSON.parse(localStorage.getItem(`replay:${sentences.name}:${revisions}`)) || {}; } catch { return {}; }
}

function judge(trace, verdict) {
  localStorage.setItem(`replay:${sentences.name}:${revisions}`, JSON.stringify({ ...judgements(), [trace]: verdict }));
  addUp();
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
  const hand = item.querySelector(".pair-hand");
  hand.hidden = false;
  for (const choice of hand.querySelectorAll("input")) {
    choice.name = `verdict-${trace}`;
    choice.checked = judgements()[trace] === choice.value;
    choice.addEventListener("change", () => judge(trace, choice.value));
  }
}

function count(verdicts) {
  const of = (wanted) => verdicts.filter((each) => each === wanted).length;
  return filled(sentences.judged, { better: of("better"), same: of("same"), worse: of("worse") });
}

function addUp() {
  const byHand = judgements();
  document.getElementById("sum-hand").textContent = count([...pairs.children].map((each) => byHand[each.dataset.trace]));
  if (!shown.length) return;
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
  for (const each of sums.querySelectorAll(".sum-hand, .replay-only")) each.hidden = false;
}

function run(event) {
  event.preventDefault();
  const { last, rubric, judge: judging, tools, fresh } = replay.elements;
  const wish = { last: Number(last.value), rubric: rubric.value.trim(), judge: judging.value, tools: tools.checked, fresh: fresh.checked };
  sums.querySelector(".sum-model").hidden = !wish.rubric;
  follow((headers, signal) => events(sentences.api, headers, wish, signal), true);
}

async function follow(source, begun = false) {
  const button = replay.querySelector("button");
  const leaving = new AbortController();
  const wrong = document.getElementById("replay-wrong");
  const headers = { "Content-Type": "application/json", "Accept-Language": sentences.lang };
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
  if (begun) clear();
  try {
    for await (const [kind, told] of source(headers, leaving.signal)) {
      if (kind === "begin") {
        // Once more after the service was started anew: then from the beginning.
        clear();
        all = told.questions;
        revisions = `${told.live}:${told.draft}`;
        progress.max = Math.max(all, 1);
        progress.value = 0;
        if (all) begin();
      } else if (kind === "pair") {
        show(told);
        progress.value = shown.length;
        said.textContent = filled(sentences.progress, { done: shown.length, all });
        addUp();
      } else if (kind === "end") said.textContent = all ? sentences.ended : sentences.none;
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
if (replay) follow((headers, signal) => underWay(sentences.api, headers, "chain_replay", signal));
document.getElementById("only-changed")?.addEventListener("change", (event) => pairs.classList.toggle("only-changed", event.target.checked));
