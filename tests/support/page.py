"""What tests do with the report page in a browser."""

import time


def counts(page):
    """The tally above the map, without the phases that no run has."""
    pairs = page.eval_on_selector_all(
        "#counts li", "all => all.map(each => [each.dataset.phase, each.querySelector('b').textContent])"
    )
    return {phase: int(number.replace(",", "")) for phase, number in pairs if number != "0"}


def fragment(rule, settings):
    """The part of the address that chooses a rule and its thresholds."""
    return "#" + "&".join([f"rule={rule}", *(f"threshold.{name}={value}" for name, value in settings.items())])


def go(page, to):
    """Follows a link within the page."""
    page.evaluate("to => { location.hash = to; }", to)
    page.evaluate("() => new Promise(done => setTimeout(() => requestAnimationFrame(done), 30))")


def until(page, true):
    """Waits until an expression is true. The page's policy lets no text be evaluated in it, as wait_for_function would."""
    deadline = time.monotonic() + 10
    while not page.evaluate(true):
        assert time.monotonic() < deadline, f"never: {true}"
        time.sleep(0.02)


def cell(page, panel=0, row=0, column=0):
    """A cell of the map."""
    return page.locator(f'[data-panel="{panel}"][data-row="{row}"][data-column="{column}"]')


def shown(page, at):
    """Waits until the curves of a cell, or a run, are drawn."""
    page.wait_for_selector(f'#inspector-body[data-shown="{at}"]')
