"use strict";
/* Keys: j and k walk the rows of a table, Enter opens one, / goes to the first field. Pages work without any of this. */
(() => {
  const typing = (target) => target.closest("input, select, textarea");
  const rows = () => [...document.querySelectorAll("main tbody tr a:first-of-type")].filter((link, at, all) => all.findIndex((other) => other.closest("tr") === link.closest("tr")) === at);
  const walk = (by) => {
    const links = rows();
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + by))].focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "j") walk(1);
    else if (event.key === "k") walk(-1);
    else if (event.key === "/") {
      const field = document.querySelector("main input, main select");
      if (field) { event.preventDefault(); field.focus(); }
    }
  });
})();
