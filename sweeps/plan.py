"""From a spec to packs: the runs of the grid, their groups, and slices of groups that take a few minutes each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from grokjax.config import RunConfig, digest
from sweeps.errors import SpecError
from sweeps.runs import Runs, groups_of
from sweeps.stopping import RuleName
from sweeps.sweep import SweepSpec

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
    runs: Runs

    @property
    def run_steps(self) -> int:
        """Training steps over all runs."""
        return self.runs.template.steps * len(self.runs)

    @property
    def cost(self) -> float:
        """Expected work: useful arithmetic and what steps cost besides, in flop."""
        return _cost(self.runs.template) * len(self.runs)


@dataclass(frozen=True)
class Plan:
    """What a sweep asks for, and what of it is left to do."""

    spec: SweepSpec
    packs: tuple[Pack, ...]
    runs: int
    committed: int
    quarantined: int
    groups: int
    run_steps: int
    useful_flops: int
    rows: int

    @property
    def left(self) -> int:
        """Runs still to be trained."""
        return self.runs - self.committed - self.quarantined

    @property
    def table_bytes(self) -> int:
        """Rough size of the tables still to be written: about 3.5 bytes a value, compressed."""
        return self.rows * 8 * 7 // 2

    @property
    def weight_bytes(self) -> int:
        """Size of the copies of weights still to be written."""
        runs: Counter[str] = Counter()
        for pack in self.packs:
            runs[pack.group_id] += len(pack.runs)
        templates = {pack.group_id: pack.runs.template for pack in self.packs if pack.runs.template.snapshots}
        width = {"float32": 4, "float64": 8}
        return sum(runs[group] * run.snapshots * run.num_weights() * width[run.precision] for group, run in templates.items())

    def seconds(self, flops_per_second: float, cores: int) -> float:
        """Rough time to train what is left on a machine whose matrix products reach `flops_per_second` over all `cores`."""
        training = (self.useful_flops + self.run_steps * STEP_OVERHEAD_FLOPS) / (ATTAINED * flops_per_second)
        return START_SECONDS + GROUP_SECONDS * self.groups / cores + training if self.packs else 0.0


def make_packs(
    groups: Iterable[Runs],
    committed: AbstractSet[str] = frozenset(),
    rule: RuleName | None = None,
    limits: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[Pack]:
    """Slices each group into packs, longest first, leaving out the runs whose run_id is in `committed`.

    The slicing depends on the planned runs alone, so an interrupted sweep plans the same packs again, less those that are done.
    `rule` is what may stop the runs early: packs of runs that are trained further than before are other packs. `limits` says by
    group_id how many runs at most a pack of it may hold, where that is known.
    """
    groups = sorted(groups, key=lambda runs: -_cost(runs.template))
    remaining = sum(_cost(runs.template) * len(runs) for runs in groups)
    for group in groups:
        for planned in _slices(group, remaining):
            remaining -= _cost(group.template) * len(planned)
            left = np.array([run_id not in committed for run_id in planned.run_ids])
            if left.any():
                runs, group_id = planned.only(left), group.template.group_id
                most = limits.get(group_id, len(runs))
                for start in range(0, len(runs), most):
                    yield _pack(runs[start : start + most], group_id, len(group), rule)


def halves(pack: Pack, rule: RuleName | None) -> tuple[Pack, Pack]:
    """A pack of two runs or more as two packs."""
    middle = (len(pack.runs) + 1) // 2
    first, second = (_pack(pack.runs[part], pack.group_id, pack.group_runs, rule) for part in (slice(middle), slice(middle, None)))
    return first, second


def make_plan(
    spec: SweepSpec,
    committed: AbstractSet[str] = frozenset(),
    quarantined: AbstractSet[str] = frozenset(),
    limits: Mapping[str, int] = MappingProxyType({}),
) -> Plan:
    """The whole plan of a sweep, less the runs that are committed or in quarantine.

    Raises:
      SpecError: the spec holds an impossible run.
    """
    if spec.size > MOST_RUNS:
        raise SpecError(
            f"{spec.name}: its axes make {spec.size:,} runs, more than the {MOST_RUNS:,} that one sweep holds; narrow one"
        )
    groups = list(groups_of(spec))
    packs = tuple(make_packs(groups, committed | quarantined, spec.stopping_rule, limits))
    runs, left = sum(map(len, groups)), sum(len(pack.runs) for pack in packs)
    set_aside = sum(run_id in quarantined and run_id not in committed for group in groups for run_id in group.run_ids)
    return Plan(
        spec=spec,
        packs=packs,
        runs=runs,
        committed=runs - left - set_aside,
        quarantined=set_aside,
        groups=len({pack.group_id for pack in packs}),
        run_steps=sum(pack.run_steps for pack in packs),
        useful_flops=sum(pack.runs.template.useful_flops() * len(pack.runs) for pack in packs),
        rows=sum((run.steps // run.log_every + 1) * len(pack.runs) for pack in packs for run in [pack.runs.template]),
    )


def _pack(runs: Runs, group_id: str, group_runs: int, rule: RuleName | None) -> Pack:
    return Pack(digest({"run_ids": runs.run_ids, "rule": rule}), group_id, group_runs, runs)


def _slices(group: Runs, remaining: float) -> Iterator[Runs]:
    cost, start = _cost(group.template), 0
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
