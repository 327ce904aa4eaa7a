// The drawer beside the chat: how the message came to be whose details were asked for.
"use strict";

const drawer = document.getElementById("drawer");
const inside = document.getElementById("drawer-body");

document.getElementById("stream").addEventListener("click", async (event) => {
  const link = event.target.closest("a.inspect");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  try {
    const answer = await fetch(link.href, { headers: { "HX-Request": "true" } });
    const told = await answer.text();
    if (answer.ok) inside.innerHTML = told;
    else inside.textContent = JSON.parse(told).detail;
  } catch { inside.textContent = document.body.dataset.offline; }
  if (!drawer.open) drawer.showModal();
  inside.scrollTop = 0;
});
drawer.addEventListener("click", (event) => { if (event.target === drawer) drawer.close(); });
document.getElementById("drawer-close").addEventListener("click", () => drawer.close());
