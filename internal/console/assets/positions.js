// A chart's readout follows the pointer; without this, each step has a title.
(() => {
  for (const chart of document.querySelectorAll(".chart")) {
    const steps = [...chart.querySelectorAll(".chart-step")];
    const plot = chart.querySelector(".chart-plot");
    const readout = chart.querySelector(".chart-readout");
    if (!steps.length || !readout) continue;
    const texts = steps.map((step) => {
      const title = step.querySelector("title");
      const text = title.textContent;
      title.remove();
      return text;
    });
    const starts = steps.map((step) => step.x.baseVal.value);
    let chosen = -1;
    const choose = (n) => {
      if (n === chosen) return;
      steps[chosen]?.classList.remove("chosen");
      steps[n]?.classList.add("chosen");
      readout.textContent = texts[n] ?? "";
      chosen = n;
    };
    const find = (event) => {
      const box = plot.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * 1000;
      choose(Math.max(0, starts.findLastIndex((start) => start <= x)));
    };
    plot.addEventListener("pointermove", find);
    plot.addEventListener("pointerdown", find);
    plot.addEventListener("pointerleave", () => choose(-1));
  }
})();
