"""From a spec to packs: the runs of the grid, their groups, and slices of groups that take a few minutes each."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import pydantic

from grokjax.config import RunConfig, digest
from sweeps.errors import SpecError
from sweeps.spec import SweepSpec
from sweeps.stopping import RuleName

# A pack's work is bounded in useful arithmetic, so that the same sweep has the same packs wherever it runs.
MOST_FLOPS_PER_PACK = 6e12  # one to two minutes of one core
LEAST_FLOPS_PER_PACK = 2e11  # a few seconds
SHARE_PER_PACK = 1 / 24  # of the work that is still to be given out: packs shrink toward the end, so workers finish together
STEP_OVERHEAD_FLOPS = 5e5  # what a step costs however small the model is
RUNS_MULTIPLE = 4  # packs fill a few lanes, whole

START_SECONDS, GROUP_SECONDS = 10.0, 8.0  # Ray's start; a group's compiling and tuning, on one core
ATTAINED = 0.6  # useful arithmetic as a share of a matrix product's

# Beyond this a plan would not fit a laptop's memory.
MOST_RUNS = 2_000_000


@dataclass(frozen=True)
class Pack:
    """Runs of one group that one task trains and one pair of files holds."""

    pack_id: str
    group_id: str
    group_runs: int  # planned of its group, in all packs
    runs: tuple[RunConfig, ...]

    @property
    def run_steps(self) -> int:
        """Training steps over all runs."""
        return sum(run.steps for run in self.runs)

    @property
    def cost(self) -> float:
        """Expected work: useful arithmetic and what steps cost besides, in flop."""
        return sum(_cost(run) for run in self.runs)


@dataclass(frozen=True)
class Plan:
    """What a sweep asks for, and what of it is left to do."""

    spec: SweepSpec
    packs: tuple[Pack, ...]
    runs: int
    committed: int
    groups: int
    run_steps: int
    useful_flops: int
    rows: int

    @property
    def table_bytes(self) -> int:
        """Rough size of the tables still to be written: about 3.5 bytes a value, compressed."""
        return self.rows * 8 * 7 // 2

    def seconds(self, flops_per_second: float, cores: int) -> float:
        """Rough time to train what is left on a machine whose matrix products reach `flops_per_second` over all `cores`."""
        training = (self.useful_flops + self.run_steps * STEP_OVERHEAD_FLOPS) / (ATTAINED * flops_per_second)
        return START_SECONDS + GROUP_SECONDS * self.groups / cores + training if self.packs else 0.0


def expand(spec: SweepSpec) -> Iterator[RunConfig]:
    """The runs of the grid, the last axis varying fastest.

    Raises:
      SpecError: a combination of values is not a run.
    """
    for point in itertools.product(*spec.axes.values()):
        named = dict(zip(spec.axes, point, strict=True))
        try:
            yield RunConfig.from_flat({**spec.run, **named})
        except pydantic.ValidationError as error:
            at = ", ".join(f"{name} = {named[name]}" for name in spec.varied)
            raise SpecError(f"{spec.name}: the run with {at} is impossible: {error.errors()[0]['msg']}") from None


def make_packs(
    runs: Iterable[RunConfig], committed: AbstractSet[str] = frozenset(), rule: RuleName | None = None
) -> Iterator[Pack]:
    """Slices each group into packs, longest first, leaving out the runs whose run_id is in `committed`.

    The slicing depends on the planned runs alone, so an interrupted sweep plans the same packs again, less those that are done.
    `rule` is what may stop the runs early: packs of runs that are trained further than before are other packs.
    """
    groups: dict[str, list[RunConfig]] = {}
    for run in runs:
        groups.setdefault(run.group_id, []).append(run)
    remaining = sum(_cost(run) for group in groups.values() for run in group)
    for group in sorted(groups.values(), key=lambda group: -_cost(group[0])):
        for planned in _slices(group, remaining):
            remaining -= sum(_cost(run) for run in planned)
            if left := tuple(run for run in planned if run.run_id not in committed):
                pack_id = digest({"run_ids": [run.run_id for run in left], "rule": rule})
                yield Pack(pack_id, left[0].group_id, len(group), left)


def make_plan(spec: SweepSpec, committed: AbstractSet[str] = frozenset()) -> Plan:
    """The whole plan of a sweep. Raises SpecError if the spec holds an impossible run."""
    if spec.size > MOST_RUNS:
        raise SpecError(
            f"{spec.name}: its axes make {spec.size:,} runs, more than the {MOST_RUNS:,} that one sweep holds; narrow one"
        )
    runs = list(expand(spec))
    packs = tuple(make_packs(runs, committed, spec.stopping_rule))
    left = [run for pack in packs for run in pack.runs]
    return Plan(
        spec=spec,
        packs=packs,
        runs=len(runs),
        committed=len(runs) - len(left),
        groups=len({pack.group_id for pack in packs}),
        run_steps=sum(run.steps for run in left),
        useful_flops=sum(run.useful_flops() for run in left),
        rows=sum(run.steps // run.log_every + 1 for run in left),
    )


def _slices(group: Sequence[RunConfig], remaining: float) -> Iterator[Sequence[RunConfig]]:
    cost, start = _cost(group[0]), 0
    while start < len(group):
        size = _pack_size(cost, remaining)
        yield group[start : start + size]
        start, remaining = start + size, remaining - size * cost


def _pack_size(cost: float, remaining: float) -> int:
    """How many runs of a cost make a pack, when that much work is still to be given out."""
    target = float(np.clip(remaining * SHARE_PER_PACK, LEAST_FLOPS_PER_PACK, MOST_FLOPS_PER_PACK))
    lanes = RUNS_MULTIPLE if RUNS_MULTIPLE * cost <= MOST_FLOPS_PER_PACK else 1
    return max(lanes, int(target / cost) // lanes * lanes)


def _cost(run: RunConfig) -> float:
    return run.useful_flops() + run.steps * STEP_OVERHEAD_FLOPS
