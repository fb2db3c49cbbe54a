"""Claim: training steps do useful arithmetic at 0.70 of a core's matrix-product peak, and at 0.75 from hidden_size 128 up.

One process per core, all at once, as in a sweep. Each alternates, half a second at a time, between its largest float32 matrix
product and compiled steps of the parity task under the tuning that a sweep would choose. `share` is the speed of the steps
divided by that of the products right before, as the median over rounds, so that other load on the machine affects both alike. `of
best` is stricter: the median of the steps divided by the fastest single product of all rounds. Useful arithmetic is counted by
`step_flops`.

    python -m benchmarks.training_arithmetic [HIDDEN_SIZE ...]
"""

from __future__ import annotations

import argparse
import statistics

from benchmarks.machine import cores, matrix_product, meet, on_workers, print_header

TRAIN_SIZE = 1250
ROUNDS = 12
SECONDS = 0.5
TARGETS = {16: 0.70, 32: 0.70, 64: 0.70, 128: 0.75, 258: 0.75}


def main(sizes: list[int]) -> None:
    """Prints a row per hidden size and worker: its speed, and its share of the peak measured beside it."""
    print_header(
        f"Useful arithmetic of training steps; {cores()} workers at once, train_size {TRAIN_SIZE}, {ROUNDS} rounds; "
        "the peak is a large float32 matrix product, per worker"
    )
    columns = (
        ("hidden_size", 11),
        ("lanes, library", 14),
        ("run-steps/s", 11),
        ("GFLOP/s", 7),
        ("share", 6),
        ("target", 6),
        ("of best", 7),
    )
    print(*(f"{name:>{width}}" for name, width in columns))
    for size, answers in on_workers(_measure, sizes, cores()):
        target = f"{TARGETS[size]:.2f}" if size in TARGETS else "-"
        for form, rate, useful, share, of_best in answers:
            print(f"{size:>11} {form:>14} {rate:>11,.0f} {useful:>7.1f} {share:>6.2f} {target:>6} {of_best:>7.2f}", flush=True)


def _measure(hidden_size: int) -> tuple[str, float, float, float, float]:
    from grokjax.sweeps.execute.device import prepare_device  # noqa: PLC0415

    prepare_device()
    from benchmarks.engine_loop import EngineLoop  # noqa: PLC0415

    engine = EngineLoop.tuned(hidden_size, TRAIN_SIZE)
    engine.train()
    multiply = matrix_product(SECONDS)
    meet()
    rates, shares, best = [], [], 0.0
    for _ in range(ROUNDS):
        peak = multiply()
        rates.append(engine.run_steps_per_second())
        shares.append(rates[-1] * engine.step_flops / 1e9 / peak.sustained)
        best = max(best, peak.best)
    meet()
    rate = statistics.median(rates)
    useful = rate * engine.step_flops / 1e9
    return engine.form, rate, useful, statistics.median(shares), useful / best


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hidden_size", type=int, nargs="*", default=sorted(TARGETS), help="hidden units (default: %(default)s)")
    main(parser.parse_args().hidden_size)
