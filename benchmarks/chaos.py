"""Claim: workers, drivers and nodes killed at random moments leave every planned run in the tables exactly once, unchanged.

One sweep is trained undisturbed. Then the same sweep is trained repeatedly on a cluster of three nodes on this machine while its
processes are killed, until the requested number were killed. After each sweep `load_runs`, pandas, DuckDB, Polars and Arrow read
the tables as any user would: each must see every planned run once, with the values of the undisturbed sweep, and the root must
hold no file of a kind that the undisturbed root does not have.

The results of finished sweeps are kept in FOLDER/chaos.jsonl, so the same command continues after an interruption. A root with a
problem stays in FOLDER for inspection.

    python -m benchmarks.chaos --workers 1000 --drivers 50 --nodes 10        # about an hour on two cores
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import psutil
import pyarrow.dataset as ds
from ray.cluster_utils import Cluster

from benchmarks.machine import print_header
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.schema import COSTS
from grokjax.sweeps.store.verify import verify

GROKJAX = Path(sys.executable).with_name("grokjax")
RUNS_PER_PACK = 4
SPEC = """
name = "chaos"
[run]
task = "sparse_parity"
num_bits = 30
parity_bits = 3
train_size = 200
test_size = 300
model = "mlp"
optimizer = "adamw"
learning_rate = 3e-3
b1 = 0.99
b2 = 0.98
loss = "clipped_binary_cross_entropy"
steps = {steps}
log_every = 100
[axes]
hidden_size = [12, 16]
weight_decay = [0.01, 0.1]
seed = "0..{last_seed}"
"""
KILL_EVERY_SECONDS, KILL_EVERY_PACKS = 0.5, 3  # the mean time, and the most packs, between two kills: the sweep must make progress
DRIVERS_PER_SWEEP, NODES_PER_SWEEP = 4, 1
PATIENCE_SECONDS = 400  # without a new pack


def _duckdb(query: str) -> pd.DataFrame:
    with duckdb.connect() as connection:
        relation = connection.sql(query)
        assert relation is not None, "a query of rows"
        frame: pd.DataFrame = relation.to_arrow_table().to_pandas()
    return frame


# What a second training of the same runs changes: what they cost, where and when they were trained.
CHANGING = {*(f"{name}_seconds" for name, _ in COSTS), "pack_id", "worker", "commit", "started_at", "finished_at", "peak_flops"}
READERS: dict[str, Callable[[Path, str], pd.DataFrame]] = {
    "load_runs, load_curves": lambda root, table: load_runs(root) if table == "runs" else load_curves(root),
    "pandas.read_parquet": lambda root, table: pd.read_parquet(root / table),
    "DuckDB's glob": lambda root, table: _duckdb(f"FROM read_parquet('{root}/{table}/*', union_by_name = true)"),
    "polars.read_parquet": lambda root, table: pl.read_parquet(root / table).to_pandas(),
    "pyarrow.dataset": lambda root, table: ds.dataset(root / table, format="parquet").to_table().to_pandas(),
}


@dataclass
class Kills:
    """Numbers of killed processes, by kind."""

    workers: int = 0
    drivers: int = 0
    nodes: int = 0

    def __add__(self, other: Kills) -> Kills:
        """The sums."""
        return Kills(self.workers + other.workers, self.drivers + other.drivers, self.nodes + other.nodes)

    def covers(self, asked: Kills) -> bool:
        """Whether at least the requested number of each kind were killed."""
        return self.workers >= asked.workers and self.drivers >= asked.drivers and self.nodes >= asked.nodes


@dataclass
class Result:
    """One sweep: what was killed, what each reader saw, and the problems of the root."""

    kills: Kills
    planned: int
    rows: dict[str, int] = field(default_factory=dict)  # by reader
    once: dict[str, int] = field(default_factory=dict)  # planned runs that it sees exactly once
    equal: dict[str, bool] = field(default_factory=dict)  # both tables, value for value
    wrong: list[str] = field(default_factory=list)  # sentences of `verify`, and files that are none of the root's

    @property
    def sound(self) -> bool:
        """Whether the root is as if nothing had been killed."""
        return not self.wrong and set(self.once.values()) == {self.planned} == set(self.rows.values()) and all(self.equal.values())


class Nodes:
    """A cluster of three nodes of one core each on this machine; the first is its head."""

    def __init__(self) -> None:
        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        self.address = str(self._cluster.address)
        self._others = [self._cluster.add_node(num_cpus=1) for _ in range(2)]

    def replace_one(self) -> None:
        """Kills a node with all its workers, and adds another."""
        self._cluster.remove_node(self._others.pop(0), allow_graceful=False)
        self._others.append(self._cluster.add_node(num_cpus=1))

    def workers(self) -> list[psutil.Process]:
        """The processes that train, on any node."""
        found = []
        for node in self._cluster.list_all_nodes():
            try:
                children = psutil.Process(node.all_processes["raylet"][0].process.pid).children()
                found += [child for child in children if "ray::Worker.train" in " ".join(child.cmdline())]
            except psutil.Error:
                continue
        return found

    def shut_down(self) -> None:
        """Ends the cluster."""
        self._cluster.shutdown()


class Chaos:
    """A sweep that is trained while its workers, its driver and its nodes are killed.

    Args:
      nodes: the cluster that trains it.
      spec: the path of its spec.
      root: the path or address of its results; the spec has been entered.
      packs: the number of its packs.
      most: the most processes of each kind to kill.
    """

    def __init__(self, nodes: Nodes, spec: Path, root: str | Path, packs: int, most: Kills) -> None:
        self._nodes, self._spec, self._root, self._packs, self._most = nodes, spec, str(root), packs, most
        self.kills = Kills()

    def train(self, draws: random.Random) -> Kills:
        """Trains the sweep to its end and returns the kills.

        Raises:
          RuntimeError: the last driver failed, or no pack was committed for a long time.
        """
        drivers, nodes = (self._moments(draws, count) for count in (self._most.drivers, self._most.nodes))
        root, driver, done = Root.open(self._root), self._start(), 0
        progress_at = time.monotonic()
        next_kill = self._next_kill(draws, done)
        while driver.poll() is None:
            time.sleep(0.1)
            committed = len(list(root.keys("runs")))
            if committed > done:
                done, progress_at = committed, time.monotonic()
            if time.monotonic() - progress_at > PATIENCE_SECONDS:
                driver.kill()
                raise RuntimeError(f"no pack was committed in {PATIENCE_SECONDS} s: {driver.communicate()[0]}")
            if self._kill_a_worker(draws, next_kill, done):
                next_kill = self._next_kill(draws, done)
            if drivers and done >= drivers[0]:
                drivers.pop(0)
                driver = self._replace(driver)
            if nodes and done >= nodes[0]:
                nodes.pop(0)
                self._nodes.replace_one()
                self.kills.nodes += 1
        said = driver.communicate()[0]
        if driver.returncode:
            raise RuntimeError(f"the driver ended with {driver.returncode}: {said}")
        return self.kills

    def _moments(self, draws: random.Random, count: int) -> list[int]:
        """The numbers of committed packs at which to kill."""
        return sorted(draws.randint(1, max(1, int(0.9 * self._packs))) for _ in range(count))

    def _next_kill(self, draws: random.Random, done: int) -> tuple[float, int]:
        seconds = draws.uniform(0, 2) * KILL_EVERY_SECONDS
        return time.monotonic() + seconds, done + draws.randint(1, KILL_EVERY_PACKS)

    def _kill_a_worker(self, draws: random.Random, when: tuple[float, int], done: int) -> bool:
        if time.monotonic() < when[0] or done < when[1] or self.kills.workers >= self._most.workers:
            return False
        workers = self._nodes.workers()
        if not workers:
            return False
        time.sleep(draws.uniform(0, 0.5))  # so that it happens at any moment of a pack, not only right after a commit
        try:
            os.kill(draws.choice(workers).pid, signal.SIGKILL)
        except ProcessLookupError:  # it has ended by itself
            return False
        self.kills.workers += 1
        return True

    def _replace(self, driver: subprocess.Popen[str]) -> subprocess.Popen[str]:
        driver.kill()
        driver.communicate()
        self.kills.drivers += 1
        return self._start()

    def _start(self) -> subprocess.Popen[str]:
        command = [str(GROKJAX), "run", str(self._spec), "--root", self._root, "--address", self._nodes.address]
        # On a machine that is busy with killing them, workers of a lower priority would not get any time.
        env = os.environ | {"RAY_worker_niceness": "0"}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


def undisturbed(folder: Path, packs: int, steps: int = 4000) -> tuple[Path, Path]:
    """A spec with this many packs, of about a second each, and a root in which it was trained undisturbed; kept if it exists."""
    folder.mkdir(parents=True, exist_ok=True)
    spec, root = folder / "chaos.toml", folder / "undisturbed"
    text = SPEC.format(last_seed=packs - 1, steps=steps)
    if spec.exists() and spec.read_text() != text:
        raise SystemExit(f"{folder} holds another sweep: choose another --folder, or remove it")
    spec.write_text(text)
    _enter(spec, root)
    run_sweep(load_spec(str(spec)), root, Execution(executor="inline"))
    return spec, root


def entered(spec: Path, whole: Path, root: str | Path) -> str | Path:
    """A root in which to train the sweep again, with the tuning that the undisturbed root measured."""
    opened = _enter(spec, root)
    for file in (whole / "groups").iterdir():
        opened.put(f"groups/{file.name}", file.read_bytes())
    return root


def _enter(spec: Path, root: str | Path) -> Root:
    """Enters the sweep into a root, with small packs, which also limits the lanes."""
    sweep = load_spec(str(spec))
    opened = enter_spec(root, sweep)
    for runs in groups_of(sweep):
        opened.set_limit(runs.template.group_id, RUNS_PER_PACK)
    return opened


def judged(spec: Path, whole: Path, root: Path, kills: Kills) -> Result:
    """What each reader sees in a root, compared with the undisturbed one."""
    planned = {run_id for runs in groups_of(load_spec(str(spec))) for run_id in runs.run_ids}
    result = Result(kills, len(planned))
    for name, read in READERS.items():
        try:
            runs, curves = read(root, "runs"), read(root, "curves")
        except Exception as error:  # any error of a reader is a finding
            result.rows[name], result.once[name], result.equal[name] = 0, 0, False
            result.wrong.append(f"{name}: {type(error).__name__}: {error}")
            continue
        seen = Counter(runs["run_id"])
        result.rows[name], result.once[name] = len(runs), sum(seen[run_id] == 1 for run_id in planned)
        differing = _differing(runs, read(whole, "runs"), ["run_id"])
        differing += _differing(curves, read(whole, "curves"), ["run_id", "step"])
        result.equal[name] = not differing
        result.wrong += [f"{name}: {column} differs from the undisturbed root" for column in differing]
    verdict = verify(Root.open(root))
    result.wrong += [str(sentence) for sentence in verdict.wrong]
    result.wrong += [f"{file}: the undisturbed root has no such file" for file in strange_files(root, whole)]
    return result


def strange_files(root: Path, whole: Path) -> list[str]:
    """The files of a root that are of a kind that the undisturbed root does not have, or that belong to no pack."""

    def kind(file: Path) -> tuple[str, str]:
        return file.parts[0] if len(file.parts) > 1 else "", "".join(file.suffixes)

    files = {each: {path.relative_to(each) for path in each.rglob("*") if path.is_file()} for each in (root, whole)}
    known = {kind(file) for file in files[whole]}
    packs = {file.stem for file in files[root] if kind(file) == ("runs", ".parquet")}
    strange = [file for file in files[root] if kind(file) not in known or (file.parts[0] == "curves" and file.stem not in packs)]
    return sorted(map(str, strange))


def _differing(one: pd.DataFrame, other: pd.DataFrame, keys: list[str]) -> list[str]:
    """The columns in which two tables differ, apart from the order of rows and columns that a second training changes."""
    names = ({str(name) for name in one} | {str(name) for name in other}) - CHANGING
    if len(one) != len(other):
        return ["the number of rows"]
    one, other = (table.sort_values(keys, ignore_index=True) for table in (one, other))
    return sorted(name for name in names if name not in one or name not in other or not one[name].equals(other[name]))


def report(results: Sequence[Result], asked: Kills) -> str:
    """The table of all sweeps, as Markdown."""
    kills = sum((result.kills for result in results), Kills())
    lines = [
        f"{len(results)} sweeps of {results[0].planned if results else 0} runs; killed: {kills.workers} of {asked.workers} "
        f"workers, {kills.drivers} of {asked.drivers} drivers, {kills.nodes} of {asked.nodes} nodes",
        "",
        "| read with | runs planned | rows | runs seen once | sweeps with equal values |",
        "|---|---|---|---|---|",
    ]
    planned = sum(result.planned for result in results)
    for name in READERS:
        rows, once, equal = (sum(getattr(result, what)[name] for result in results) for what in ("rows", "once", "equal"))
        lines.append(f"| {name} | {planned:,} | {rows:,} | {once:,} | {equal} of {len(results)} |")
    wrong = [sentence for result in results for sentence in result.wrong]
    lines += ["", f"wrong with the roots: {len(wrong) or 'nothing'}", *wrong[:20]]
    return "\n".join(lines)


def kept_results(folder: Path) -> list[Result]:
    """The results of the sweeps that an earlier call finished."""
    log = folder / "chaos.jsonl"
    records = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [Result(**(record | {"kills": Kills(**record["kills"])})) for record in records]


def main(arguments: Sequence[str] | None = None) -> int:
    """Kills the requested numbers and prints the table; returns 1 if any root has a problem."""
    options = _options().parse_args(arguments)
    asked = Kills(options.workers, options.drivers, options.nodes)
    warnings.filterwarnings("ignore", message=r"os\.fork\(\) was called")  # for nodes, which call exec next
    print_header("no kill spoils a run")
    end = time.monotonic() + 60 * options.minutes
    spec, whole = undisturbed(options.folder, options.packs, options.steps)
    results = kept_results(options.folder)
    while time.monotonic() < end and not sum((result.kills for result in results), Kills()).covers(asked):
        result = _one_sweep(options, spec, whole, len(results), _left(asked, results))
        with (options.folder / "chaos.jsonl").open("a") as log:
            log.write(json.dumps(asdict(result)) + "\n")
        results.append(result)
        print(f"sweep {len(results)}: {result.kills}, {'sound' if result.sound else 'NOT SOUND'}", flush=True)
    print(report(results, asked))
    enough = sum((result.kills for result in results), Kills()).covers(asked)
    print("" if enough else "the time was up before as many were killed; the same command goes on")
    return 0 if enough and all(result.sound for result in results) else 1


def _left(asked: Kills, results: Sequence[Result]) -> Kills:
    """How many processes may be killed in the next sweep."""
    done = sum((result.kills for result in results), Kills())
    left = Kills(*(max(0, getattr(asked, sort) - getattr(done, sort)) for sort in ("workers", "drivers", "nodes")))
    return Kills(left.workers, min(left.drivers, DRIVERS_PER_SWEEP), min(left.nodes, NODES_PER_SWEEP))


def _one_sweep(options: argparse.Namespace, spec: Path, whole: Path, number: int, most: Kills) -> Result:
    """Trains the sweep once under kills; removes its root if it has no problem."""
    root = options.folder / f"sweep-{number}"
    shutil.rmtree(root, ignore_errors=True)  # left by an interrupted call: this sweep starts over
    entered(spec, whole, root)
    nodes = Nodes()
    try:
        kills = Chaos(nodes, spec, root, options.packs, most).train(random.Random(options.seed + number))
    finally:
        nodes.shut_down()
    result = judged(spec, whole, root, kills)
    if result.sound:
        shutil.rmtree(root)
    return result


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1000, help="how many workers to kill")
    parser.add_argument("--drivers", type=int, default=50, help="how many drivers to kill")
    parser.add_argument("--nodes", type=int, default=10, help="how many nodes to kill")
    parser.add_argument("--minutes", type=float, default=240.0, help="start no further sweep after so long")
    parser.add_argument("--packs", type=int, default=256, help="packs of a sweep, four runs each")
    parser.add_argument("--steps", type=int, default=4000, help="steps of a run")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--folder", type=Path, default=Path("results/chaos"), help="where roots and finished sweeps are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
