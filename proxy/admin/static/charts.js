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
    /* Hours as all pages tell them, UTC, wherever the browser is; room for figures of any length. */
    const told = (second) => new Date(second * 1000).toISOString();
    const hour = { ...axis, values: (_, at) => at.map((second) => told(second).slice(11, 16) === "00:00" ? told(second).slice(5, 10) : told(second).slice(11, 16)) };
    const figure = { ...axis, size: (_, values) => 20 + 8 * Math.max(3, ...(values || []).map((each) => String(each).length)) };
    const first = { label: "hour (UTC)", value: (_, second) => second == null ? "--" : told(second).slice(0, 16).replace("T", " ") };
    const size = () => ({ width: place.clientWidth, height: place.clientHeight - 40 });
    const chart = new uPlot({ ...size(), series: [first, ...lines], axes: [hour, figure], tzDate: (second) => uPlot.tzDate(new Date(second * 1000), "Etc/UTC") }, [hours, ...Object.values(series)], place);
    window.addEventListener("resize", () => chart.setSize(size()));
  };
  document.querySelectorAll("[data-chart]").forEach(draw);
})();
