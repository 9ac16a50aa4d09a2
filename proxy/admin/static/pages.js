"use strict";
/* Keys: j and k walk the rows of a table, Enter opens one, a takes a case, d goes to its decision, / to the first field, g to the
   queue, ? tells of these. After htmx has put something in its place, the focus goes where it was. Pages work without any of this. */
(() => {
  const typing = (target) => target.closest && target.closest("input, select, textarea, dialog[open]");
  const rows = () => [...document.querySelectorAll("main tbody tr a:first-of-type")].filter((link, at, all) => all.findIndex((other) => other.closest("tr") === link.closest("tr")) === at);
  const walk = (by) => {
    const links = rows();
    if (!links.length) return;
    const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
    links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + by))].focus();
  };
  const row = () => (document.activeElement && document.activeElement.closest("main tr")) || null;
  const take = () => {
    const form = (row() || document).querySelector("form[data-key=a]");
    if (form && (row() || document.querySelectorAll("form[data-key=a]").length === 1)) form.requestSubmit();
  };
  const decide = () => {
    const heading = document.getElementById("decide");
    const choice = document.querySelector("form.decide input[type=radio]");
    const link = row() && row().querySelector("a[href^='/cases/'], a[href^='/findings/']");
    if (choice) { heading.scrollIntoView(); choice.focus(); }
    else if (link) location.href = link.getAttribute("href") + "#decide";
  };
  const field = () => {
    const first = document.querySelector("main input:not([type=hidden]), main select");
    if (first) first.focus();
    return first;
  };
  const keys = () => { const shown = document.getElementById("keys"); if (shown && !shown.open) shown.showModal(); };
  const deeds = { j: () => walk(1), k: () => walk(-1), a: take, d: decide, "/": field, g: () => { location.href = "/queue"; }, "?": keys };
  /* A browser closes a dialog some time after Escape; the next key would come before that and be lost. */
  const close = (event) => {
    const shown = event.key === "Escape" && document.querySelector("dialog[open]");
    if (shown) { event.preventDefault(); shown.close(); }
  };
  document.addEventListener("keydown", (event) => {
    close(event);
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const deed = Object.hasOwn(deeds, event.key) && deeds[event.key];
    if (deed) { event.preventDefault(); deed(); }
  });
  document.addEventListener("htmx:error", () => {
    const said = document.getElementById("said");
    if (said) { said.className = "problem"; said.textContent = "That did not get through; load the page again to see how things stand."; }
  });
  /* The row that a form stands in is what changed; who has walked on meanwhile stays where they are now. */
  let changed = "", stood = "";
  document.addEventListener("htmx:before:swap", (event) => {
    const source = event.detail.ctx.sourceElement?.closest("main tr");
    changed = source ? source.id : "";
    stood = row() ? row().id : changed;
  });
  document.addEventListener("htmx:after:swap", () => {
    const place = changed && document.getElementById(changed);
    const stand = stood && document.getElementById(stood);
    const target = stand ? stand.querySelector("a") : document.getElementById("main");
    if (target) target.focus({ preventScroll: Boolean(stand) });
    const said = document.getElementById("said");
    if (said) said.textContent = place ? "Changed: " + place.textContent.trim().replace(/\s+/g, " ") : document.querySelector("h1").textContent;
  });
})();
