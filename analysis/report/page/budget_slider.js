// The slider of the step as of which everything is shown.

import { byId, fill, h } from "./dom.js";
import { whole } from "./numbers.js";

/** The slider; calls `change` with the new budget, and false while it moves. */
export class BudgetSlider {
  constructor(sweep, change) {
    const equal = sweep.lengths.length < 2; // else the last steps of runs are not one step
    this.steps = equal ? [...sweep.budgets.steps, null] : sweep.budgets.steps;
    this.last = sweep.lengths.at(-1) ?? null;
    if (this.steps.length < 2) return;
    const choose = (done) => change({ budget: this.steps[Number(this.input.value)] }, done);
    this.input = h("input", { type: "range", id: "budget", min: 0, max: this.steps.length - 1, step: 1 });
    this.input.addEventListener("input", () => choose(false));
    this.input.addEventListener("change", () => choose(true));
    this.text = h("output", { for: "budget" });
    const meaning = "Labels, numbers and curves as if all runs had been trained for so many steps.";
    const label = h("label", { for: "budget", title: meaning }, "as of step");
    fill(byId("budgets"), h("div", { class: "slider" }, h("div", { class: "row" }, label, this.text), this.input));
  }

  show(state) {
    if (!this.input) return;
    const index = this.steps.indexOf(state.budget);
    this.input.value = index;
    this.input.style.setProperty("--at", `${(100 * index) / (this.steps.length - 1)}%`);
    this.text.textContent = state.budget === null ? `${this.last ? whole(this.last) : "the last"} (all)` : whole(state.budget);
    this.input.setAttribute("aria-valuetext", this.text.textContent);
  }
}
