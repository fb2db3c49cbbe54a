// The rule and its thresholds: each has a slider over a histogram of the runs, and a field for an exact number.

import { byId, fill, h, svg } from "./dom.js";
import { short } from "./numbers.js";
import { ruleOf } from "./rules.js";
import { allowed, firstSettings, settingOf } from "./state.js";

const NOTCHES = 400;
const BARS = 60;

/** The controls of the rule. They call `change` with the new part of the state, and false while a slider moves. */
export class Thresholds {
  constructor(sweep, change) {
    Object.assign(this, { sweep, change, host: byId("thresholds"), sliders: new Map() });
    this.select = byId("rule");
    fill(this.select, ...sweep.rules.map((rule) => h("option", { value: rule.name }, rule.name)));
    this.select.addEventListener("change", () => {
      const rule = this.select.value;
      this.change({ rule, settings: firstSettings(sweep, rule) }, true);
    });
    byId("defaults").addEventListener("click", () => this.change({ settings: firstSettings(sweep, this.state.rule) }, true));
  }

  /** Shows the state in the controls. */
  show(state) {
    const words = (each) =>
      this.rule(each)
        ?.fields.filter((field) => field.options.length)
        .map((field) => each.settings[field.name]);
    const anew = !this.state || this.state.rule !== state.rule || this.state.budget !== state.budget || words(this.state).join() !== words(state).join();
    this.state = state;
    this.select.value = state.rule;
    if (anew) this.build();
    for (const [name, slider] of this.sliders) slider.set(state.settings[name]);
    const first = firstSettings(this.sweep, state.rule);
    const unchanged = Object.entries(first).every(([name, value]) => state.settings[name] === value);
    byId("defaults").disabled = unchanged;
    const warning = unchanged ? this.rule(state).warning : null;
    byId("misfit").textContent = warning ? `Warning: ${warning}.` : "";
    byId("misfit").hidden = !warning;
  }

  rule(state) {
    return this.sweep.rules.find((each) => each.name === state.rule);
  }

  build() {
    const spread = ruleOf(this.sweep, this.state.rule).spread(this.sweep, this.state.settings);
    const focused = document.activeElement?.id;
    this.sliders.clear();
    const fields = this.rule(this.state).fields.map((field) => {
      if (field.options.length) return this.choice(field);
      const slider = new Slider(field, spread[field.name] ?? [], this.state.settings[field.name], (value, done) =>
        this.set(field, value, done),
      );
      this.sliders.set(field.name, slider);
      return slider.element;
    });
    const { columns, words } = this.rule(this.state);
    const fixed = `Its labels (${words}) were computed when this page was written; its thresholds cannot be moved here.`;
    fill(this.host, ...fields, columns === null ? null : h("p", { class: "soft" }, fixed));
    if (focused) byId(focused)?.focus();
  }

  choice(field) {
    const known = field.name === "loss_convention" ? this.sweep.conventions : field.options;
    if (known.length < 2) return null;
    const options = known.map((option) => h("option", { value: String(option) }, String(option).replaceAll("_", " ")));
    const id = `threshold-${field.name}`;
    const select = h("select", { id, onchange: () => this.set(field, settingOf(field, select.value), true) }, ...options);
    select.value = String(this.state.settings[field.name]);
    return h("label", { class: "field", title: field.meaning }, h("span", {}, field.name.replaceAll("_", " ")), select);
  }

  set(field, value, done) {
    this.change({ settings: { ...this.state.settings, [field.name]: value } }, done);
  }
}

/** The slider of a threshold, on a log scale if the threshold has one. */
class Slider {
  constructor(field, columns, value, change) {
    Object.assign(this, { field, change });
    [this.low, this.high] = this.reach(columns, value);
    const id = `threshold-${field.name}`;
    const name = field.name.replaceAll("_", " ");
    this.input = h("input", { type: "range", id, min: 0, max: NOTCHES, step: 1, "aria-describedby": `${id}-meaning` });
    this.input.addEventListener("input", () => this.change(this.at(Number(this.input.value)), false));
    this.exact = h("input", {
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": `${name}, exactly`,
      size: 7,
    });
    this.exact.addEventListener("change", () => this.type());
    this.meaning = h(
      "span",
      { class: "aside", id: `${id}-meaning` },
      [field.meaning, field.unit !== "1" && field.unit].filter(Boolean).join(", in "),
    );
    const label = h("label", { for: id, title: field.meaning }, name);
    this.element = h(
      "div",
      { class: "slider" },
      h("div", { class: "row" }, label, this.exact),
      this.histogram(columns),
      this.input,
      this.meaning,
    );
  }

  /** The ends of the slider: those of the runs' values and of the threshold, within the allowed range. */
  reach(columns, value) {
    const { field } = this;
    let [low, high] = [Math.min(value, field.default), Math.max(value, field.default)];
    for (const column of columns) {
      for (const each of column) {
        if (!Number.isFinite(each) || (field.log && each <= 0)) continue;
        if (each < low) low = each;
        if (each > high) high = each;
      }
    }
    if (field.log) [low, high] = [10 ** Math.floor(Math.log10(low) - 1e-9), 10 ** Math.ceil(Math.log10(high) + 1e-9)];
    else [low, high] = [field.low, field.high];
    return [Math.max(low, field.low), Math.min(high, field.high)];
  }

  place(value) {
    const [low, high, at] = this.field.log ? [this.low, this.high, value].map(Math.log10) : [this.low, this.high, value];
    return Math.max(0, Math.min(1, (at - low) / (high - low || 1)));
  }

  /** The number at a notch: of few digits, and the default where it is near. */
  at(notch) {
    const { field, low, high } = this;
    if (notch === Math.round(this.place(field.default) * NOTCHES)) return field.default;
    const share = notch / NOTCHES;
    const value = field.log ? low * (high / low) ** share : low + (high - low) * share;
    return Math.max(field.low, Math.min(field.high, Number(value.toPrecision(field.log ? 2 : 3))));
  }

  set(value) {
    this.value = value;
    if (this.at(Number(this.input.value)) !== value) this.input.value = Math.round(this.place(value) * NOTCHES); // else it would stick
    this.input.setAttribute("aria-valuetext", short(value));
    this.input.style.setProperty("--at", `${100 * this.place(value)}%`);
    if (document.activeElement !== this.exact) this.exact.value = short(value);
    this.cut.setAttribute("x", this.place(value) * BARS);
    this.exact.removeAttribute("aria-invalid");
    this.exact.setCustomValidity("");
  }

  type() {
    const value = settingOf(this.field, this.exact.value);
    if (value !== undefined) return this.change(value, true);
    this.exact.setAttribute("aria-invalid", "true");
    this.exact.setCustomValidity(`${this.field.name.replaceAll("_", " ")} is out of range; use ${allowed(this.field)}`);
    this.exact.reportValidity();
    return undefined;
  }

  /** A histogram of the runs' values along the slider, a line for each column. */
  histogram(columns) {
    const bars = columns.map((column) => {
      const counts = new Array(BARS).fill(0);
      for (const each of column) {
        if (Number.isNaN(each) || (this.field.log && each <= 0)) continue;
        counts[Math.min(BARS - 1, Math.floor(this.place(each) * BARS))]++;
      }
      return counts;
    });
    const most = Math.max(1, ...bars.flat());
    const shape = (counts) =>
      `M0 20${counts.map((number, index) => `V${20 - 19 * Math.sqrt(number / most)}H${index + 1}`).join("")}V20Z`;
    const paths = bars.map((counts, index) =>
      svg("path", { d: shape(counts), class: bars.length > 1 ? ["train", "test"][index] : "plain" }),
    );
    this.cut = svg("rect", { y: 0, width: 0.25, height: 20, class: "cut" });
    return svg(
      "svg",
      { class: "spread", viewBox: `0 0 ${BARS} 20`, preserveAspectRatio: "none", "aria-hidden": "true" },
      ...paths,
      this.cut,
    );
  }
}
