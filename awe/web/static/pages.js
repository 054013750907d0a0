"use strict";
// Part of a page that says data-live is fetched again until it says so no more; a log follows its end.
function follow(part) {
  const again = async () => {
    if (document.hidden) { setTimeout(again, 1000); return; }
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
      if (!fresh) return;
      const log = part.querySelector("pre.log");
      const atEnd = !log || log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
      const place = log ? log.scrollTop : 0;
      if (!part.contains(document.activeElement)) { part.replaceWith(fresh); part = fresh; }
      const now = part.querySelector("pre.log");
      if (now) now.scrollTop = atEnd ? now.scrollHeight : place;
    } catch (error) { /* the server is away: asked again */ }
    if (part.dataset.live) setTimeout(again, 1000 * Number(part.dataset.live));
  };
  setTimeout(again, 1000 * Number(part.dataset.live));
}
document.querySelectorAll("[data-live]").forEach(follow);
document.querySelectorAll("pre.log").forEach((log) => { log.scrollTop = log.scrollHeight; });
// A search names in its address only what was asked.
document.querySelectorAll("form[data-sparse]").forEach((form) => form.addEventListener("submit", () => {
  form.querySelectorAll(".ask").forEach((ask) => {
    const value = ask.querySelector("input");
    const how = ask.querySelector("select");
    if (value && !value.value && !(how && how.value === "none")) ask.querySelectorAll("input, select").forEach((one) => { one.disabled = true; });
  });
}));
