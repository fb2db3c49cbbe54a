"""Claims: the modular main model trains 55 times faster than the published form of its loop, 28 times in float64; the steps of a
transformer do useful arithmetic at 0.4 of the matrix-product peak.

The loop is plain JAX, written for this benchmark: one-hot products through the 500-wide embedding in float64, one jitted step per
Python iteration, both cores for XLA. The engine runs one process per core, all at once, under the tuning that a sweep would
choose, and its run-steps are summed. Loop and engine take turns, since they need the same cores.

    python -m benchmarks.modular_step
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks.machine import cores, matrix_product, meet, on_workers, print_header

ROUNDS, SECONDS = 5, 3.0
TARGETS = {"float32": 55, "float64": 28}
TRANSFORMER_TARGET = 0.40


def main() -> None:
    """Prints a row per precision, then one for the transformer."""
    print_header(
        f"modular-main, run-steps/s on {cores()} cores: the engine against a plain JAX loop of the published form in float64"
    )
    loop: list[float] = []
    engine: dict[str, list[float]] = {precision: [] for precision in TARGETS}
    for _ in range(ROUNDS):
        loop.append(next(on_workers(_loop, [None], 1))[1][0])
        for precision in TARGETS:
            engine[precision].append(sum(rate for rate, _ in next(on_workers(_engine, [("modular-main", precision)], cores()))[1]))
    print(f"{'':>10} {'run-steps/s':>12} {'ratio':>6} {'target':>6}")
    print(f"{'the loop':>10} {statistics.median(loop):>12,.0f}")
    for precision, rates in engine.items():
        ratio = statistics.median(rate / base for rate, base in zip(rates, loop, strict=True))
        print(f"{precision:>10} {statistics.median(rates):>12,.0f} {ratio:>6.1f} {TARGETS[precision]:>6}")
    answers = next(on_workers(_engine, [("transformer-addition", "float32")], cores()))[1]
    shares = ", ".join(f"{share:.2f}" for _, share in answers)
    print(f"transformer-addition: {shares} of a core's peak, a worker each, both busy (target {TRANSFORMER_TARGET:.2f})")


def _engine(what: tuple[str, str]) -> tuple[float, float]:
    """A worker's run-steps/s, and its useful arithmetic as a share of the speed of matrix products right before."""
    from grokjax.sweeps.execute.device import prepare_device  # noqa: PLC0415

    prepare_device()
    from grokjax.engine.program import program_of  # noqa: PLC0415
    from grokjax.engine.tuning import measure_tuning  # noqa: PLC0415
    from grokjax.sweeps.spec.group_runs import expand  # noqa: PLC0415
    from grokjax.sweeps.spec.load import load_spec  # noqa: PLC0415

    spec, precision = what
    configs = list(expand(load_spec(spec, [f"precision={precision}", "snapshots=0"])))
    tuning = measure_tuning(configs[0], len(configs))
    program = program_of(configs[0].group_template(), tuning)
    lanes = program.empty()
    for lane in range(tuning.lane_width):
        lanes, _ = program.put(lanes, lane, configs[lane % len(configs)])
    steps, multiply = 1, matrix_product()

    def train(steps: int) -> float:
        nonlocal lanes
        start = time.perf_counter()
        lanes, _ = program.advance(lanes, 1, steps)
        return time.perf_counter() - start

    while train(steps) < SECONDS / 8:
        steps *= 2
    meet()
    rates, shares = [], []
    for _ in range(8):
        peak = multiply()
        rates.append(steps * tuning.lane_width / train(steps))
        shares.append(rates[-1] * configs[0].useful_flops() / configs[0].steps / 1e9 / peak.sustained)
    meet()
    return statistics.median(rates), statistics.median(shares)


def _loop(_: None) -> float:
    """Steps/s of the published form, with both cores for XLA."""
    import jax  # noqa: PLC0415

    with jax.enable_x64(True):
        return _published_form()


def _published_form() -> float:
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    import optax  # noqa: PLC0415

    p, embedding, hidden, fraction = 67, 500, 24, 0.4
    random = np.random.default_rng(0)
    pairs = np.array([(a, b) for a in range(p) for b in range(p) if a <= b])
    pairs = random.permutation(pairs)[: int(fraction * len(pairs))]
    inputs, targets = jnp.asarray(pairs), jax.nn.one_hot(pairs.sum(1) % p, p)
    shapes = {"embed": (p, embedding), "hidden": (embedding, hidden), "out": (hidden, embedding)}
    params: Any = {name: jnp.asarray(random.normal(size=shape) / shape[0] ** 0.5) for name, shape in shapes.items()}
    optimizer = optax.adamw(1e-3, b1=0.9, b2=0.98, weight_decay=1.0)
    state: Any = optimizer.init(params)

    def loss(params: Any) -> jax.Array:
        embedded = [jax.nn.one_hot(inputs[:, position], p) @ params["embed"] for position in (0, 1)]
        activations = jax.nn.relu(sum(each @ params["hidden"] for each in embedded))
        logits = activations @ params["out"] @ params["embed"].T
        return -jnp.mean(targets * jax.nn.log_softmax(logits))

    @jax.jit
    def step(params: Any, state: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        return optax.apply_updates(params, updates), state

    params, state = step(params, state)
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        params, state = step(params, state)
        params["embed"].block_until_ready()
        done += 1
    return done / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
