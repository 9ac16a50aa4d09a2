"use strict";
/* Draws what `data-chart` names: {hours: [seconds], series: {name: [numbers]}}. The tables on the page say the same. */
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colours = { allow: "--ok", flag: "--care", throttle: "--note", deny: "--stop" };
  const draw = async (place) => {
    const answer = await fetch(place.dataset.chart, { credentials: "same-origin" });
    if (!answer.ok) return;
    const { hours, series } = await answer.json();
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 } };
    const lines = Object.keys(series).map((name) => ({ label: name, stroke: colour(colours[name] || "--note"), width: 2, points: { show: hours.length < 3 } }));
    const size = () => ({ width: place.clientWidth, height: place.clientHeight - 40 });
    const chart = new uPlot({ ...size(), series: [{ label: "hour" }, ...lines], axes: [axis, axis] }, [hours, ...Object.values(series)], place);
    window.addEventListener("resize", () => chart.setSize(size()));
  };
  document.querySelectorAll("[data-chart]").forEach(draw);
})();
