// What the scripts of the chains' pages share: events of the API as they come, elements, and sentences filled in.
"use strict";

function element(name, kind = "", said = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.textContent = said;
  return made;
}

async function* events(address, headers, body, signal) {
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body), signal });
  if (!answer.ok) {
    yield ["problem", await answer.json()];
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    rest += (value || "").replace(/\r/g, "");
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").filter((line) => line.includes(": ")).map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      if (fields.event) yield [fields.event, JSON.parse(fields.data)];
    }
    if (done) return;
  }
}

function filled(sentence, values) { return sentence.replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole)); }
