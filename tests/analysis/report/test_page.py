"""The page in a real browser, its network off: what a reader does, against what the Python side says."""

import json
import math
import re
import shutil
import subprocess
import tomllib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.synthetic import write_sweep
from grokjax.analysis.labels.events import events
from grokjax.analysis.labels.rules import PHASES, RULES, classify, make_rule
from grokjax.analysis.report.page_data import PageAxes
from grokjax.analysis.report.write import write_report
from grokjax.analysis.statistics.grid import wilson_interval
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.planned import planned_runs
from tests.support.page import cell, counts, fragment, go, serious, shown, until
from tests.support.specs import AXES, spec_of


@pytest.fixture(scope="module")
def small(small_root, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(small_root, path)
    return path


def counted(runs, rule):
    return {phase: int(number) for phase, number in classify(runs, rule).value_counts().items() if number}


EDGE = float(np.float32(1e-5))


def drawn(page):
    """Every cell of the map, in words and as it is drawn."""
    return page.eval_on_selector_all("[role=gridcell]", "all => all.map(each => each.getAttribute('aria-label') + each.innerHTML)")


CASES = [
    ("article", {}),
    ("article", {"loss_threshold": EDGE}),
    ("article", {"loss_threshold": EDGE, "ratio_threshold": 1.0}),
    ("article", {"loss_threshold": math.nextafter(EDGE, 0), "ratio_threshold": 1.0}),
    ("article", {"loss_threshold": 1e-3, "ratio_threshold": 1e2}),
    ("article", {"loss_threshold": 1e-6, "ratio_threshold": 1e6}),
    ("article", {"loss_threshold": 3e-7, "loss_convention": "bits"}),
    ("article", {"loss_threshold": 1e-5 / 2, "loss_convention": "per_class"}),
    ("accuracy_delay", {}),
    ("accuracy_delay", {"delay": 999.0}),
    ("accuracy_delay", {"accuracy": 0.99, "delay": 200.0, "budget": 1500.0}),
    ("accuracy_delay", {"delay": 1000.0, "budget": 1300.0}),
    ("accuracy_delay", {"budget": 1299.0}),
    ("crossing", {}),
    ("crossing", {"train": "accuracy_90", "test": "accuracy_90", "delay": 1000.0}),
    ("crossing", {"train": "accuracy_90", "test": "accuracy_90", "delay": 1001.0, "kind": "sustained"}),
    ("crossing", {"train": "loss_1e_5", "test": "loss_1e_2", "kind": "first", "delay": 300.0}),
    ("final", {}),
    ("final", {"train_accuracy": 0.9, "test_accuracy": 0.9}),
    ("final", {"train_accuracy": 0.9, "test_accuracy": 0.9, "ratio_threshold": 1e5}),
    ("final", {"train_accuracy": 0.6, "test_accuracy": 0.6, "ratio_threshold": 1.0}),
]


def test_every_rule_counts_in_the_page_as_in_python(open_page, small, small_root):
    runs = load_runs(small_root)
    page = open_page(small)
    different = set()
    for name, settings in CASES:
        go(page, fragment(name, settings))
        expected = counted(runs, make_rule(name, settings))
        assert counts(page) == expected, (name, settings)
        different.add(tuple(sorted(expected.items())))
    assert {name for name, _ in CASES} == set(RULES)
    assert len(different) >= len(CASES) - 4, "the cases tell rules apart"


def test_cells_have_the_same_labels_as_in_python_run_by_run(open_page, small, small_root):
    runs = load_runs(small_root)
    phases = classify(runs, make_rule("accuracy_delay"))
    page = open_page(small, fragment("accuracy_delay", {}))
    page.click("#table > summary")
    page.wait_for_selector("#table tbody tr")
    rows = page.eval_on_selector_all("#table tbody tr", "all => all.map(row => Array.from(row.children, each => each.textContent))")
    names = page.eval_on_selector_all("#table thead th", "all => all.map(each => each.textContent)")
    assert len(rows) == 3 * 2 * 2
    for row in rows:
        told = dict(zip(names, row, strict=True))
        where = np.logical_and.reduce([runs[name] == float(told[name]) for name in names[:3]])
        for phase in PHASES:
            number = int((phases[where] == phase).sum())
            if number:
                low, high = wilson_interval(number, 9, 0.95)
                assert told[phase] == f"{number} {100 * low:.0f}\N{EN DASH}{100 * high:.0f} %"
            else:
                assert told.get(phase, "0") == "0"


def test_a_slider_recolours_the_map_and_writes_the_address(open_page, small, small_root):
    runs = load_runs(small_root)
    page = open_page(small)
    before = page.locator("#map").inner_html()
    page.focus("#threshold-loss_threshold")
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    until(page, "location.hash.includes('threshold.loss_threshold')")
    value = float(re.search(r"loss_threshold=([^&]+)", page.url)[1])
    assert value > 1e-5
    assert counts(page) == counted(runs, make_rule("article", {"loss_threshold": value}))
    assert page.locator("#map").inner_html() != before
    page.fill("input[aria-label='ratio threshold, exactly']", "1e3")
    page.keyboard.press("Enter")
    assert counts(page) == counted(runs, make_rule("article", {"loss_threshold": value, "ratio_threshold": 1e3}))
    told = [f"{number} {phase}" for phase, number in counts(page).items()]
    until(page, f"{told}.every(each => document.getElementById('live').textContent.includes(each))")  # it follows a moment later
    page.fill("input[aria-label='ratio threshold, exactly']", "-3")
    page.keyboard.press("Enter")
    assert page.get_attribute("input[aria-label='ratio threshold, exactly']", "aria-invalid") == "true"
    page.click("#defaults")
    assert counts(page) == counted(runs, make_rule("article"))


def test_pointing_or_tabbing_to_a_cell_shows_the_curves_of_its_seeds(open_page, small):
    page = open_page(small)
    cell(page, 1, 1, 1).hover()
    shown(page, "0.1,1250,64")
    assert page.locator(".tile canvas").count() == 9
    assert "seed 8" in page.locator(".tile").nth(8).inner_text()
    page.mouse.move(5, 5)
    cell(page, 0, 0, 0).focus()
    shown(page, "0.01,750,16")
    way = {"ArrowRight": "0.01,750,64", "ArrowUp": "0.01,1250,64", "ArrowLeft": "0.01,1250,16", "PageDown": "0.1,1250,16"}
    more = {"End": "0.1,1250,64", "ArrowRight": "1,1250,16", "ArrowDown": "1,750,16", "ArrowLeft": "0.1,750,64"}
    for key, at in [*way.items(), *more.items()]:
        page.keyboard.press(key)
        shown(page, at)
    outline = page.evaluate("getComputedStyle(document.activeElement.firstChild).outlineStyle")
    assert outline == "solid", "the focus is seen"
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "weight_decay 0.1, train_size 750, hidden_size 64: "
    )


def test_curves_switch_to_accuracy_and_norms_and_can_lie_together(open_page, small):
    page = open_page(small, "#cell=0.1&cell=1250&cell=64")
    shown(page, "0.1,1250,64")
    losses = page.locator(".tile").first.get_attribute("aria-label")
    page.check("input[name=curves][value=norms]", force=True)
    until(page, "document.querySelector('.tile').getAttribute('aria-label').includes('weight_l2_norm')")
    page.check("input[name=curves][value=accuracy]", force=True)
    until(page, "document.querySelector('.tile').getAttribute('aria-label').includes('test_accuracy')")
    assert "train_loss" in losses
    page.check("text=seeds together")
    page.wait_for_selector(".chart[role=img][aria-label='9 runs over one another'] canvas")
    page.check("text=log steps")
    assert "curves=accuracy" in page.url
    assert "together=yes" in page.url
    assert "log=yes" in page.url


def test_a_chart_reads_as_the_curve_that_is_stored(open_page, small, small_root):
    runs = load_runs(small_root)
    chosen = runs[(runs["weight_decay"] == 0.1) & (runs["hidden_size"] == 64) & (runs["train_size"] == 1250) & (runs["seed"] == 5)]
    curve = load_curves(small_root, chosen["run_id"].tolist()).set_index("step")
    page = open_page(small, f"#run={chosen['run_id'].item()}")
    over = page.locator("#inspector-body .u-over").first
    box = over.bounding_box()
    for share in (0.0, 0.25, 0.5, 0.999):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 40)
        until(page, "document.getElementById('readout').textContent !== ''")
        (step,) = re.fullmatch(r"step ([\d,]+)", page.locator("#readout").inner_text()).groups()
        names = page.locator("#inspector-body .linekey").first.locator("li").all_inner_texts()
        train, test = (re.fullmatch(rf"{name} loss\s+(\S+)", text)[1] for name, text in zip(("train", "test"), names, strict=True))
        row = curve.loc[int(step.replace(",", ""))]
        assert abs(int(step.replace(",", "")) - share * 2000) <= 50
        assert float(train) == pytest.approx(row["train_loss"], rel=0.006)
        assert float(test) == pytest.approx(row["test_loss"], rel=0.006)


def test_a_link_leads_to_the_same_view_and_the_way_back_leads_back(open_page, small):
    page = open_page(small)
    page.select_option("#axis-x", "weight_decay")
    assert page.input_value("#axis-facet") == "hidden_size", "axes change places"
    page.check("input[name=view][value=shares]", force=True)
    cell(page, 1, 0, 2).click()
    shown(page, "64,750,1")
    address, map_then = page.url, drawn(page)
    other = open_page(small, "#" + address.partition("#")[2])
    shown(other, "64,750,1")
    assert drawn(other) == map_then
    assert other.locator(".pinned").count() == 1
    other.close()
    for _ in range(3):
        page.go_back()
    until(page, "location.hash === ''")
    assert page.input_value("#axis-x") == "hidden_size"
    assert page.locator(".pinned").count() == 0
    page.go_forward()
    until(page, "document.getElementById('axis-x').value === 'weight_decay'")
    page.click("#link")
    until(page, "document.getElementById('link').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_what_a_link_asks_for_in_vain_is_said(open_page, small):
    page = open_page(small, "#x=weight_decai&rule=gut&threshold.loss_threshold=-1&only.seed=99&run=abc&cell=7")
    assert page.locator("#notice").is_visible()
    told = page.locator("#notice").inner_text()
    assert "x = weight_decai; this page has train_size, hidden_size, weight_decay, seed" in told
    assert "rule = gut; this page has article" in told
    assert "threshold.loss_threshold = -1; this page has numbers from" in told
    assert "only.seed = 99" in told
    assert "run = abc" in told
    assert "cell = 7" in told
    assert page.input_value("#axis-x") == "hidden_size"


def test_a_run_shows_its_config_its_events_and_a_command_that_makes_it_again(open_page, small, small_root, tmp_path):
    runs, page = load_runs(small_root), open_page(small)
    cell(page, 1, 1, 1).click()
    page.locator(".tile").nth(6).click()
    run_id = re.search(r"run=(\w+)", page.url)[1]
    run = runs[runs["run_id"] == run_id].iloc[0]
    assert (run["weight_decay"], run["train_size"], run["hidden_size"], run["seed"]) == (0.1, 1250, 64, 6)
    shown(page, run_id)
    text = page.locator("#inspector-body").inner_text()
    for name in ("learning_rate\t0.003", "num_bits\t30", "task\tsparse_parity", "seed\t6"):
        assert name in text
    happened = events(load_curves(small_root, [run_id]))
    assert len(happened)
    for _, step, event in happened.itertuples(index=False):
        assert re.search(rf"{event}\t{step:,}\t", text)
    page.click(".copy")
    until(page, "Array.from(document.querySelectorAll('.copy')).some(each => each.textContent === 'Copied')")
    made = tmp_path / "made"
    made.mkdir()
    (made / "grokjax").write_text('#!/bin/sh\necho "$@"\n')
    (made / "grokjax").chmod(0o755)
    command = page.evaluate("navigator.clipboard.readText()")
    told = subprocess.run(
        ["bash", "-c", f"PATH=$PWD:$PATH\n{command}"], cwd=made, capture_output=True, text=True, check=True
    ).stdout
    name = f"small-{run_id[:8]}"
    assert told == f"run {name}.toml --root results/{name}\n"
    (group,) = groups_of(load_spec(str(made / f"{name}.toml")))
    assert list(group.run_ids) == [run_id]
    assert group.template.steps == 2000
    page.keyboard.press("Escape")
    shown(page, "0.1,1250,64")
    assert page.evaluate("document.activeElement.dataset.run") is not None, "the focus is back on the seed's chart"


def test_filters_narrow_the_map_and_what_it_hides_is_said(open_page, small, small_root):
    runs = load_runs(small_root)
    page = open_page(small)
    page.click("#filter-summary")
    page.uncheck("#filter-weight_decay-0")
    page.uncheck("#filter-seed-0")
    kept = runs[(runs["weight_decay"] != 0.01) & (runs["seed"] != 0)]
    assert counts(page) == counted(kept, make_rule("article"))
    assert page.locator(".facet").count() == 2
    page.click("#filter-seed-all")
    assert counts(page) == counted(runs[runs["weight_decay"] != 0.01], make_rule("article"))
    page.select_option("#axis-facet", "")
    assert page.locator(".facet").count() == 1
    assert "Each cell mixes values of weight_decay" in page.locator("#map-notes").inner_text()
    go(page, "#facet=")
    only = page.locator("#map-notes").inner_text()
    assert re.search(r"Only weight_decay (\S+): it varies too", only)[1] in ("0.01", "0.1", "1")
    assert sum(counts(page).values()) == 36


def test_a_facet_with_forty_values_turns_pages_and_more_are_gathered(open_page, tmp_path):
    both = {"weight_decay": tuple(0.01 + i // 2 for i in range(80)), "learning_rate": tuple(1e-4 * 1.03**i for i in range(80))}
    spec = spec_of(dict.fromkeys(both, (0,)), log_every=1000)
    write_sweep(tmp_path / "many", spec.model_copy(update={"axes": {}, "zipped": (both,)}))
    write_report(tmp_path / "many", tmp_path / "many.html")
    page = open_page(tmp_path / "many.html", "#facet=weight_decay&x=learning_rate&y=")
    assert page.locator(".facet").count() == 12
    notes = page.locator("#map-notes").inner_text()
    assert "weight_decay has 40 values; panels 1 to 12 are shown." in notes
    assert "learning_rate has 80 values, gathered into 12 bins." in notes
    go(page, "#facet=&x=weight_decay&y=learning_rate")
    bins = page.locator(".facet").first.locator("th[scope=row]").all_inner_texts()
    assert len(set(bins)) == len(bins) == 12
    go(page, "#facet=weight_decay&x=learning_rate&y=")
    page.click("[aria-label='Later panels']")
    assert "panels 13 to 24" in page.locator("#map-notes").inner_text()
    assert "page=1" in page.url
    assert sum(counts(page).values()) == 80
    assert page.locator("[role=gridcell]:not(.none)").count() in range(12, 25), "a cell or two of each panel, of two runs"


def test_an_axis_that_is_asked_for_is_there_though_nothing_varies_along_it(open_page, small_root, tmp_path):
    write_report(
        small_root, tmp_path / "page.html", axes=PageAxes(x="learning_rate", y="seed"), rule=make_rule("final"), title="Mine"
    )
    page = open_page(tmp_path / "page.html")
    assert [page.input_value(f"#axis-{place}") for place in ("x", "y", "facet")] == ["learning_rate", "seed", "weight_decay"]
    assert page.input_value("#rule") == "final"
    assert page.locator("h1").inner_text() == "Mine"
    assert page.locator(".facet").count() == 3


def test_missing_runs_are_rings_and_the_map_is_called_partial(open_page, small_root, tmp_path):
    wider = {**AXES, "seed": tuple(range(10)), "weight_decay": (0.01, 0.1, 1.0, 3.0)}
    root = tmp_path / "partial"
    shutil.copytree(small_root, root)
    store = enter_spec(root, spec_of(wider))
    missing = set(planned_runs(store).runs["run_id"].to_pylist()) - set(load_runs(root)["run_id"])
    assert len(missing) == 4 * 2 * 2 * 10 - 108
    store.put_in_quarantine("pack", sorted(missing)[:2], "it broke")
    report = write_report(root, tmp_path / "partial.html")
    assert (report.runs, report.missing) == (108, 52)
    page = open_page(tmp_path / "partial.html")
    assert page.locator("#notice").is_visible()
    told = page.locator("#notice").inner_text()
    assert "A partial map: 52 of 160 planned runs are missing" in told
    assert "2 of them failed too often and are in quarantine" in told
    assert counts(page)["missing"] == 52
    assert cell(page, 3, 0, 0).get_attribute("aria-label").endswith(": 10 missing")
    assert cell(page, 0, 0, 0).get_attribute("aria-label").endswith("1 missing")
    cell(page, 3, 0, 0).click()
    page.locator(".tile").first.click()
    said = page.locator("#inspector-body").inner_text()
    assert "This run is planned and has not been trained yet." in said or "This run failed too often" in said
    assert "grokjax run small-" in said, "it can be made"


def test_the_whole_published_sweep_is_a_small_page(tmp_path):
    write_sweep(tmp_path / "root", load_spec("parity-article"))
    report = write_report(tmp_path / "root", tmp_path / "report.html")
    assert (report.runs, report.every) == (1125, 1)
    assert report.size < 1.36e6


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_no_serious_accessibility_violation(open_page, small, small_root, width, scheme):
    page = open_page(small, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    assert serious(page) == []
    page.click("#filter-summary")
    page.click("#table > summary")
    go(page, "#cell=0.1&cell=1250&cell=64&view=shares&rule=crossing")
    shown(page, "0.1,1250,64")
    assert serious(page) == []
    go(page, f"#run={load_runs(small_root)['run_id'][0]}")
    shown(page, load_runs(small_root)["run_id"][0])
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"


def test_on_a_phone_a_tap_slides_the_curves_up_with_the_cell_in_sight(open_page, small):
    page = open_page(small, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    chosen = cell(page, 2, 0, 1)
    chosen.scroll_into_view_if_needed()
    chosen.tap()
    shown(page, "1,750,64")
    sheet = page.locator("#inspector").bounding_box()
    assert sheet["y"] + sheet["height"] == pytest.approx(844, abs=1)
    assert page.locator(".tile canvas").count() == 9
    assert chosen.bounding_box()["y"] + chosen.bounding_box()["height"] <= sheet["y"]
    assert page.locator(".tile").nth(8).bounding_box()["y"] < 844, "all nine are in sight"
    page.tap("#inspector-close")
    assert page.evaluate("getComputedStyle(document.getElementById('inspector')).position") == "static"


def brightness(page, selector="body"):
    return sum(
        map(
            int, re.findall(r"\d+", page.evaluate("s => getComputedStyle(document.querySelector(s)).backgroundColor", selector))[:3]
        )
    )


def test_it_is_dark_where_the_system_is_or_the_switch_says_so(open_page, small):
    page = open_page(small, color_scheme="dark")
    assert brightness(page) < 100
    page.click("#theme")
    assert page.locator("#theme").inner_text() == "Theme: light"
    assert brightness(page) > 700
    page.click("#theme")
    assert brightness(page) < 100
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#theme").inner_text() == "Theme: dark", "it is remembered"
    light = open_page(small, color_scheme="light")
    assert brightness(light) > 700
    marks = [
        each.evaluate("each => getComputedStyle(each).fill")
        for each in (page.locator(".mark.grok").first, light.locator(".mark.grok").first)
    ]
    assert marks == ["rgb(75, 163, 227)", "rgb(0, 114, 178)"]


def test_it_prints_the_map_and_the_curves_and_no_controls(open_page, small):
    page = open_page(small, "#cell=0.1&cell=1250&cell=64", color_scheme="dark")
    shown(page, "0.1,1250,64")
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    until(page, "document.querySelectorAll('.tile .fine canvas').length === 9")
    assert brightness(page) in (0, 765), "none, or white"
    for gone in ("#link", "#axes", "#view", "input[type=range]", "#switches", "#defaults"):
        assert not page.locator(gone).first.is_visible()
    for there in ("#map", "#counts", "#rule", ".tile >> nth=8"):
        assert page.locator(there).is_visible()
    assert page.evaluate("document.querySelector('main').scrollWidth") <= 690, "as wide as A4 paper less its margins"


HOSTILE = "</script><img src=x onerror=alert(1)>\"$(touch hacked)`'; --> <!--{{data}}"


def test_hostile_names_and_values_are_shown_as_text(open_page, small_root, tmp_path):
    root = tmp_path / "<b>root"
    shutil.copytree(small_root, root)
    for spec in (root / "specs").iterdir():
        entry = json.loads(spec.read_text())
        entry["spec"] |= {"name": HOSTILE, "description": HOSTILE, "rule": None}
        spec.write_text(json.dumps(entry))
    for file in (root / "runs").iterdir():
        table = pq.read_table(file)
        values = pa.array([HOSTILE if index % 2 else "relu" for index in range(len(table))])
        table = table.set_column(table.schema.get_field_index("activation"), table.schema.field("activation"), values)
        versions = table.schema.get_field_index("component_versions")
        table = table.set_column(versions, table.schema.field(versions), pa.array(["task 2"] * len(table)))
        named = pa.field(HOSTILE, pa.string(), metadata={"kind": "hyperparameter", "meaning": HOSTILE, "unit": ""})
        pq.write_table(table.append_column(named, values), file)
    write_report(root, tmp_path / "hostile.html", runs=load_runs(root), axes=PageAxes(facet=HOSTILE, x="activation"))
    page = open_page(tmp_path / "hostile.html")
    assert page.locator("h1").inner_text() == HOSTILE.replace("  ", " ")
    assert page.title() == HOSTILE
    assert HOSTILE in page.locator("figcaption").nth(1).text_content() + page.locator("figcaption").nth(0).text_content()
    page.locator("[role=gridcell]:not(.none)").last.click()
    page.locator(".tile").first.click()
    until(page, "document.querySelector('.command') !== null")
    assert page.locator("img, b b, body script:not([type]) ~ img").count() == 0
    command = page.locator(".command pre").inner_text()
    stub = tmp_path / "bin"
    stub.mkdir()
    (stub / "grokjax").write_text('#!/bin/sh\necho "$@"\n')
    (stub / "grokjax").chmod(0o755)
    subprocess.run(["bash", "-c", f"PATH=$PWD:$PATH\n{command}"], cwd=stub, check=True, capture_output=True)
    assert not (stub / "hacked").exists()
    (written,) = stub.glob("*.toml")
    run = tomllib.loads(written.read_text())["run"]
    assert run[HOSTILE] in ("relu", HOSTILE)
    assert "component_versions" not in run, "a spec does not set them"
    page.go_back()
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator(".pinned").count() == 1, "the address holds them too"
