// The controls above the map: its axes and filters, and the number of runs in each phase.

import { counted } from "./cells.js";
import { AGGREGATES, colorLegend } from "./color.js";
import { numberNames } from "./columns.js";
import { byId, fill, h, radios } from "./dom.js";
import { markIcon } from "./marks.js";
import { percent, whole } from "./numbers.js";
import { TRAINED } from "./sweep.js";
import { axisNames, axisOf } from "./values.js";

const PLACES = [
  ["x", "Across"],
  ["y", "Upwards"],
  ["facet", "Panels"],
];

/** The controls of the map. */
export class Controls {
  constructor(sweep, change) {
    Object.assign(this, { sweep, change });
    const names = axisNames(sweep);
    this.selects = PLACES.map(([place, text]) => {
      const options = ["", ...names].map((name) => h("option", { value: name }, name || "nothing"));
      const select = h("select", { id: `axis-${place}`, onchange: () => this.place(place, select.value) }, ...options);
      return [place, select, h("label", { class: "field" }, h("span", {}, text), select)];
    });
    fill(byId("axes"), ...this.selects.map(([, , label]) => label));
    this.filterKey = "";
  }

  /** Puts a hyperparameter on an axis; if another axis has it, the two are exchanged. */
  place(place, name) {
    const other = PLACES.map(([each]) => each).find((each) => each !== place && name && this.state[each] === name);
    this.change({ [place]: name, ...(other ? { [other]: this.state[place] } : {}), cell: null, beside: null, page: 0 });
  }

  /** Shows the state and its layout in the controls; `colors` are those of numbers, if the map has such, and `dots` whether it has dots. */
  show(state, layout, colors, dots) {
    this.state = state;
    this.showColors(state, colors, dots);
    for (const [place, select] of this.selects) select.value = state[place];
    if (this.view !== state.view) {
      this.view = state.view;
      const focused = document.activeElement?.closest("#view");
      fill(
        byId("view"),
        radios(
          "view",
          "Cells as",
          [
            ["dots", "dots"],
            ["shares", "shares"],
          ],
          state.view,
          (view) => this.change({ view }),
        ),
      );
      if (focused) byId("view").querySelector(":checked")?.focus();
    }
    this.showFilters(layout);
  }

  /** The choice of what colours the map, and the legend of the colours of numbers. */
  showColors(state, colors, dots) {
    const names = [...new Set([...numberNames(this.sweep), ...(state.color ? [state.color] : [])])];
    const key = JSON.stringify([names, state.color, state.of, dots]);
    if (this.colorKey !== key) {
      this.colorKey = key;
      const focused = document.activeElement?.closest("#color") && document.activeElement.id;
      const choice = (id, label, options, chosen, choose) => {
        const select = h("select", { id, onchange: () => choose(select.value) }, ...options.map(([value, text]) => h("option", { value }, text)));
        select.value = chosen;
        return h("label", { class: "field" }, h("span", {}, label), select);
      };
      const columns = [["", "phase"], ...names.map((name) => [name, name])];
      const aggregates = Object.keys(AGGREGATES).map((name) => [name, name]);
      const choices = [
        choice("color-by", "Colour", columns, state.color, (color) => this.change({ color })),
        state.color && !dots ? choice("color-of", "of a cell's runs", aggregates, state.of, (of) => this.change({ of })) : null,
      ];
      fill(byId("color"), ...choices);
      if (focused) byId(focused)?.focus();
    }
    const unknown = `${state.color} is known for the last step only, so the map has the colours of the phases.`;
    fill(byId("legend"), ...(colors ? colorLegend(colors, dots) : [h("span", { class: "soft" }, unknown)]));
    byId("legend").hidden = !state.color;
  }

  showFilters(layout) {
    const key = JSON.stringify(layout.filters);
    if (this.filterKey === key && this.filtersBuilt) return;
    Object.assign(this, { filterKey: key, filtersBuilt: true });
    const narrowed = Object.entries(layout.filters).filter(([, filter]) => filter.texts !== null);
    byId("filter-summary").textContent = narrowed.length ? `Filter: ${narrowed.map(([name]) => name).join(", ")}` : "Filter";
    const focused = document.activeElement?.closest("#filters") && document.activeElement.id;
    fill(byId("filters"), ...axisNames(this.sweep).map((name) => this.filter(name, layout.filters[name]?.texts ?? null)));
    if (focused) byId(focused)?.focus();
  }

  filter(name, chosen) {
    const axis = axisOf(this.sweep, name);
    const boxes = axis.texts.map((text, index) => {
      const on = chosen === null || chosen.includes(text);
      const input = h("input", {
        type: "checkbox",
        id: `filter-${name}-${index}`,
        onchange: () => this.narrow(name, axis, text, input.checked, chosen),
      });
      input.checked = on;
      return h("label", {}, input, h("span", {}, text));
    });
    const all = h(
      "button",
      {
        type: "button",
        class: "plain",
        disabled: chosen === null,
        id: `filter-${name}-all`,
        onclick: () => this.change({ only: { ...this.state.only, [name]: null } }),
      },
      "all",
    );
    return h(
      "fieldset",
      { class: "filter" },
      h("legend", { title: axis.meaning || null }, h("span", { class: "name" }, name), all),
      ...boxes,
    );
  }

  narrow(name, axis, text, on, chosen) {
    const before = chosen ?? axis.texts;
    const kept = axis.texts.filter((each) => (each === text ? on : before.includes(each)));
    this.change({ only: { ...this.state.only, [name]: kept.length === axis.texts.length ? null : kept }, cell: null, beside: null, page: 0 });
  }
}

/** The number of shown runs in each phase: a bar, and a list that is announced to screen readers when it changes. */
export class Counts {
  constructor(sweep) {
    Object.assign(this, { sweep, bar: byId("bar"), list: byId("counts"), live: byId("live"), said: "" });
  }

  show(labels, shown) {
    const runs = [];
    for (let run = 0; run < shown.length; run++) if (shown[run]) runs.push(run);
    const counts = counted(this.sweep, labels, runs);
    const trained = runs.filter((run) => this.sweep.status[run] === TRAINED).length;
    const names = [...this.sweep.phases.map((phase) => phase.name), "missing"];
    const items = counts.map((number, phase) => {
      if (phase === this.sweep.phases.length && !number) return null;
      const share = number && phase < this.sweep.phases.length ? h("span", { class: "soft" }, percent(number / trained)) : null;
      return h(
        "li",
        { class: number ? null : "zero", "data-phase": names[phase] },
        markIcon(this.sweep, phase),
        h("span", {}, names[phase]),
        h("b", {}, whole(number)),
        share,
      );
    });
    fill(this.list, ...items);
    const bands = counts.map((number, phase) => {
      const band = h("i", { class: `band ${names[phase]}` });
      band.style.setProperty("flex-grow", number);
      return number ? band : null;
    });
    fill(this.bar, ...bands);
    this.say(
      counts
        .map((number, phase) => number && `${number} ${names[phase]}`)
        .filter(Boolean)
        .join(", ") || "no runs",
    );
  }

  /** Announces the counts to screen readers, once the slider rests. */
  say(text) {
    if (text === this.said) return;
    const first = this.said === "";
    this.said = text;
    clearTimeout(this.timer);
    if (!first) this.timer = setTimeout(() => (this.live.textContent = text), 500);
  }
}
