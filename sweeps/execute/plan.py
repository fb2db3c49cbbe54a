"""Plans a sweep: slices each group of runs into packs of a minute or two, and totals the remaining work."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from grokjax.analysis.labels.early_stop import RuleName
from grokjax.config import RunConfig
from grokjax.errors import SpecError
from grokjax.identity import digest
from grokjax.sweeps.spec.group_runs import Runs, groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec

# A pack is bounded in useful FLOP, so that the same sweep has the same packs wherever it runs.
MOST_FLOPS_PER_PACK = 6e12  # one to two minutes of one core
LEAST_FLOPS_PER_PACK = 2e11  # a few seconds
SHARE_PER_PACK = 1 / 24  # of the group's unsliced work: packs shrink toward the end, so that workers finish together
STEP_OVERHEAD_FLOPS = 5e5  # the fixed cost of a step, in addition to its useful FLOP
RUNS_MULTIPLE = 4  # packs hold a multiple of this many runs, to fill lanes

START_SECONDS, GROUP_SECONDS = 10.0, 8.0  # for Ray to start; for a group to be compiled and tuned on one core
CORE_FLOPS_PER_SECOND = 6e10  # of `Pack.cost` on one core, roughly
ATTAINED = 0.6  # useful FLOP/s as a share of that of a large matrix product

# A larger plan would not fit in a laptop's memory.
MOST_RUNS = 2_000_000


class PriorTraining(NamedTuple):
    """The pack that trained a run for fewer steps than are planned now, and kept its final state to resume from."""

    pack_id: str
    steps: int


@dataclass(frozen=True)
class RootContents:
    """What a root already holds of a sweep, by run_id, and the known limits on pack sizes."""

    committed: AbstractSet[str] = frozenset()  # done for this sweep
    prior: Mapping[str, PriorTraining] = field(default_factory=dict)  # by run_id
    quarantined: AbstractSet[str] = frozenset()
    limits: Mapping[str, int] = field(
        default_factory=dict
    )  # the most runs that a pack may hold, by group_id, if one ran out of memory


EMPTY_ROOT = RootContents()


@dataclass(frozen=True, eq=False)
class Pack:
    """Runs of one group that one worker trains together and that are stored in one pair of files."""

    pack_id: str
    group_id: str
    group_runs: int  # planned of its group, in all packs
    runs: Runs
    prior: Mapping[str, PriorTraining]  # of those runs that resume from the end of another pack, by run_id

    @property
    def steps_made(self) -> int:
        """Training steps that the runs have made in other packs, over all runs."""
        return sum(prior.steps for prior in self.prior.values())

    @property
    def run_steps(self) -> int:
        """The remaining training steps, summed over the runs."""
        return self.runs.template.steps * len(self.runs) - self.steps_made

    @property
    def cost(self) -> float:
        """Expected work in FLOP: useful FLOP, plus the overhead of each step."""
        return _cost(self.runs.template) / self.runs.template.steps * self.run_steps


@dataclass(frozen=True, eq=False)
class Plan:
    """The remaining packs of a sweep, with totals over the whole sweep and over what remains."""

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
        """The number of runs still to be trained."""
        return self.runs - self.committed - self.quarantined

    @property
    def table_bytes(self) -> int:
        """Rough size of the tables still to be written: about 3.5 bytes per value, compressed."""
        return self.rows * 8 * 7 // 2

    @property
    def weight_bytes(self) -> int:
        """Size of the copies of weights still to be written."""
        return sum(count * run.snapshots * _weight_bytes(run) for run, count in self._templates() if run.snapshots)

    @property
    def state_bytes(self) -> int:
        """Rough size of the final states still to be written: weights, two moments of each, and the curve once more."""
        if not self.spec.final_states:
            return 0
        return sum(count * 3 * _weight_bytes(run) for run, count in self._templates()) + self.rows * 8 * 4

    def _templates(self) -> list[tuple[RunConfig, int]]:
        """For each remaining group, one of its runs and their number."""
        runs: Counter[str] = Counter()
        for pack in self.packs:
            runs[pack.group_id] += len(pack.runs)
        templates = {pack.group_id: pack.runs.template for pack in self.packs}
        return [(template, runs[group]) for group, template in templates.items()]

    def seconds(self, flops_per_second: float, cores: int) -> float:
        """Rough time [s] to train the remaining runs at `flops_per_second`, which all `cores` together reach in matrix products."""
        training = (self.useful_flops + self.run_steps * STEP_OVERHEAD_FLOPS) / (ATTAINED * flops_per_second)
        return START_SECONDS + GROUP_SECONDS * self.groups / cores + training if self.packs else 0.0

    def inline_is_quicker(self, cores: int) -> bool:
        """Whether training in one process would roughly take less time than starting Ray and training on `cores` cores."""
        one_core = GROUP_SECONDS * self.groups + sum(pack.cost for pack in self.packs) / CORE_FLOPS_PER_SECOND
        used = max(1, min(cores, len(self.packs)))
        return one_core * (1 - 1 / used) < START_SECONDS


def make_packs(groups: Iterable[Runs], existing: RootContents = EMPTY_ROOT, rule: RuleName | None = None) -> Iterator[Pack]:
    """Slices each group into packs, longest runs first, without the runs that are committed or in quarantine.

    The slicing depends only on the planned runs, so an interrupted sweep plans the same packs again, without those that are done.
    `rule` is the rule that may stop runs early; it is part of a pack's identity, as the number of steps is.
    """
    groups = sorted(groups, key=lambda runs: -_cost(runs.template))
    for group in groups:
        group_id = group.template.group_id
        for planned in _slices(group):
            left = np.array([run_id not in existing.committed and run_id not in existing.quarantined for run_id in planned.run_ids])
            if left.any():
                runs = planned if left.all() else planned.only(left)
                most = existing.limits.get(group_id, len(runs))
                for start in range(0, len(runs), most):
                    yield _pack(runs[start : start + most], group_id, len(group), rule, existing.prior)


def cut(pack: Pack, most: int, rule: RuleName | None) -> list[Pack]:
    """Splits a pack into packs of at most `most` runs each."""
    if len(pack.runs) <= most:
        return [pack]
    slices = (pack.runs[start : start + most] for start in range(0, len(pack.runs), most))
    return [_pack(runs, pack.group_id, pack.group_runs, rule, pack.prior) for runs in slices]


def expand_groups(spec: SweepSpec) -> list[Runs]:
    """The runs of a sweep, group by group. Raises SpecError if there are too many, or one is invalid."""
    if spec.size > MOST_RUNS:
        raise SpecError(
            f"{spec.name}: its axes make {spec.size:,} runs, more than the {MOST_RUNS:,} that one sweep can hold; narrow an axis"
        )
    return list(groups_of(spec))


def make_plan(spec: SweepSpec, existing: RootContents = EMPTY_ROOT, groups: Sequence[Runs] | None = None) -> Plan:
    """Plans what a root does not hold yet of a sweep.

    Args:
      spec: the sweep.
      existing: what the root holds.
      groups: the runs of the sweep, if `expand_groups` has been called before.

    Raises SpecError if the spec has an invalid run.
    """
    groups = expand_groups(spec) if groups is None else groups
    packs = tuple(make_packs(groups, existing, spec.stopping_rule))
    runs, left = sum(map(len, groups)), sum(len(pack.runs) for pack in packs)
    set_aside = existing.quarantined - existing.committed
    quarantined = sum(run_id in set_aside for group in groups for run_id in group.run_ids) if set_aside else 0
    return Plan(
        spec=spec,
        packs=packs,
        runs=runs,
        committed=runs - left - quarantined,
        quarantined=quarantined,
        groups=len({pack.group_id for pack in packs}),
        run_steps=sum(pack.run_steps for pack in packs),
        useful_flops=sum(_useful_flops(pack) for pack in packs),
        rows=sum((run.steps // run.log_every + 1) * len(pack.runs) for pack in packs for run in [pack.runs.template]),
    )


def _pack(runs: Runs, group_id: str, group_runs: int, rule: RuleName | None, prior: Mapping[str, PriorTraining]) -> Pack:
    return Pack(
        pack_id=digest({"run_ids": runs.run_ids, "rule": rule, "steps": runs.template.steps}),
        group_id=group_id,
        group_runs=group_runs,
        runs=runs,
        prior={run_id: prior[run_id] for run_id in runs.run_ids if run_id in prior} if prior else {},
    )


def _useful_flops(pack: Pack) -> int:
    run = pack.runs.template
    return run.useful_flops() // run.steps * pack.run_steps


def _weight_bytes(run: RunConfig) -> int:
    return run.num_weights() * {"float32": 4, "float64": 8}[run.precision]


def _slices(group: Runs) -> Iterator[Runs]:
    cost, start = _cost(group.template), 0
    while start < len(group):
        size = _pack_size(cost, cost * (len(group) - start))
        yield group[start : start + size]
        start += size


def _pack_size(cost: float, remaining: float) -> int:
    """The number of runs per pack, given the cost of a run and the `remaining` work of the group that is not sliced yet."""
    target = float(np.clip(remaining * SHARE_PER_PACK, LEAST_FLOPS_PER_PACK, MOST_FLOPS_PER_PACK))
    lanes = RUNS_MULTIPLE if RUNS_MULTIPLE * cost <= MOST_FLOPS_PER_PACK else 1
    return max(lanes, int(target / cost) // lanes * lanes)


def _cost(run: RunConfig) -> float:
    return run.useful_flops() + run.steps * STEP_OVERHEAD_FLOPS
