// Draws the charts of the usage page; their numbers stand in the table below them.
"use strict";

const place = document.getElementById("chart");
const { days, ...series } = JSON.parse(place.dataset.chart);
const colours = getComputedStyle(document.documentElement);
const colour = (name) => colours.getPropertyValue(name).trim();
const HEIGHT = 150;
const DAY = 86_400;

const charts = ["answers", "tokens", "cost", "latency", "failed", "good", "bad"].map((name) => {
  const values = series[name];
  const axis = { stroke: () => colour("--soft"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false } };
  const options = {
    width: Math.max(240, place.clientWidth),
    height: HEIGHT,
    title: place.dataset[name],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { x: { range: (_, first, last) => [first - DAY / 2, last + DAY / 2] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, values: "{MM}-{DD}", space: 60 },
      { ...axis, size: 66, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString(undefined, { maximumFractionDigits: 6 })) },
    ],
    series: [
      {},
      {
        label: place.dataset[name],
        fill: () => colour("--accent"),
        width: 0,
        paths: uPlot.paths.bars({ size: [0.7, 40], radius: 0.15 }),
        points: { show: false },
      },
    ],
    hooks: {
      setCursor: [
        (chart) => {
          const at = chart.cursor.idx;
          const day = at === null || at === undefined ? "" : new Date(days[at] * 1000).toISOString().slice(0, 10);
          place.title = day && `${day}: ${values[at].toLocaleString()}`;
        },
      ],
    },
  };
  return new uPlot(options, [days, values], place);
});

new ResizeObserver(() => {
  for (const chart of charts) chart.setSize({ width: Math.max(240, place.clientWidth), height: HEIGHT });
}).observe(place);
// A canvas keeps the colours it was drawn in when the machine turns dark or light.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const chart of charts) chart.redraw(true, true);
});
