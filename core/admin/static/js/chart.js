// Draws the table beside it; colours are the theme's, read by a probe because they depend on the mode.
const colour = (name) => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};
class Chart extends HTMLElement {
  connectedCallback() {
    const draw = () => (this.drawn = this.read() && this.draw());
    const library = document.querySelector("script[src*='vendor/chart.']");
    window.Chart ? draw() : library?.addEventListener("load", draw, { once: true });
  }
  disconnectedCallback() {
    this.drawn?.destroy();
  }
  read() {
    const table = this.querySelector("table");
    const [, ...heads] = table?.tHead.rows[0].cells ?? [];
    const rows = [...(table?.tBodies[0].rows ?? [])];
    this.labels = rows.map((row) => row.cells[0].textContent);
    this.texts = heads.map((_, index) => rows.map((row) => row.cells[index + 1].textContent));
    this.series = heads.map((head, index) => ({ label: head.textContent, data: rows.map((row) => Number(row.cells[index + 1].dataset.value)) }));
    return window.Chart && rows.length > 0;
  }
  draw() {
    const { kind } = this.dataset;
    this.setAttribute("data-drawn", "");
    const round = kind === "doughnut";
    const tones = [1, 2, 3, 4, 5].map((number) => colour(`chart-${number}`));
    const [ink, line, card] = [colour("muted-foreground"), colour("border"), colour("card")];
    const datasets = this.series.map((one, index) => ({
      ...one,
      backgroundColor: round ? tones : tones[index % 5],
      borderColor: round ? card : tones[index % 5],
      borderWidth: kind === "line" || round ? 2 : 0,
      borderRadius: 4, maxBarThickness: 36, pointRadius: 0, pointHitRadius: 16, tension: 0.3,
    }));
    const whole = this.series.every((one) => one.data.every(Number.isInteger));
    const axis = { ticks: { color: ink, precision: whole ? 0 : undefined }, grid: { color: line, drawTicks: false }, border: { display: false }, stacked: kind === "stacked" };
    const side = document.documentElement.dir === "rtl" ? "right" : "left";
    const text = (item) => `${item.dataset.label}: ${this.texts[item.datasetIndex][item.dataIndex]}`;
    window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    return new window.Chart(this.querySelector("canvas"), {
      type: kind === "stacked" ? "bar" : kind,
      data: { labels: this.labels, datasets },
      options: {
        maintainAspectRatio: false, animation: false, locale: document.documentElement.lang, interaction: { mode: "index", intersect: round },
        scales: round ? {} : { x: { ...axis, grid: { display: false }, reverse: side === "right" }, y: { ...axis, position: side, beginAtZero: true } },
        plugins: { legend: { display: round || datasets.length > 1, position: "bottom", labels: { color: ink, usePointStyle: true, boxHeight: 7 } }, tooltip: { callbacks: { label: text } } },
      },
    });
  }
}
customElements.define("crm-chart", Chart);
