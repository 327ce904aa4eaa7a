// What the scripts of the chains' pages share: events of the API as they come, elements, and sentences filled in.
"use strict";

function element(name, kind = "", said = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.textContent = said;
  return made;
}

// A test or a replay goes on when the page is left; only `signal` stops it.
async function* events(address, headers, body, signal, begun) {
  yield* told(await fetch(address, { method: "POST", headers, body: JSON.stringify(body) }), address, headers, signal, begun);
}

// What was begun before this page was opened, from its beginning; nothing where nothing runs.
async function* underWay(address, headers, kind, signal, begun) {
  const answer = await fetch(jobsOf(address), { headers });
  const job = answer.ok && (await answer.json()).items.find((each) => each.kind === kind && each.state === "running");
  if (job) yield* eventsOf(address, headers, job.id, signal, begun);
}

async function* eventsOf(address, headers, id, signal, begun) {
  yield* told(await fetch(`${jobsOf(address)}/${id}/events`, { headers }), address, headers, signal, begun);
}

function jobsOf(address) { return address.replace(/[^/]*$/, "jobs"); }

async function* told(answer, address, headers, signal, begun) {
  if (!answer.ok) {
    yield ["problem", await answer.json()];
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let job = "";
  const stop = () => {
    if (job) fetch(`${jobsOf(address)}/${job}/cancel`, { method: "POST", headers });
    reader.cancel();
  };
  signal?.addEventListener("abort", stop);
  for (;;) {
    const { value, done } = await reader.read();
    if (signal?.aborted) throw new DOMException("stopped", "AbortError");
    rest += (value || "").replace(/\r/g, "");
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").filter((line) => line.includes(": ")).map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      if (fields.event === "job") {
        job = JSON.parse(fields.data).id;
        begun?.(job);
      }
      else if (fields.event) yield [fields.event, JSON.parse(fields.data)];
    }
    if (done) return;
  }
}

function filled(sentence, values) { return sentence.replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole)); }
