"""What the figures of hidden units share: the run whose weights were kept, and the step to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer

from grokjax.analysis.statistics.units import UnitMaps, unit_maps
from grokjax.analysis.tables.load import load_weights
from grokjax.scripts.selection import run_with_weights

AtStep = Annotated[
    int | None, typer.Option("--step", help="The step, or the kept one nearest to it. [default: the last]", show_default=False)
]


@dataclass(frozen=True)
class KeptUnits:
    """What a run's hidden units read and write at the steps that were kept, and the figure's title."""

    maps: UnitMaps
    title: str

    def index(self, step: int | None) -> int:
        """The place of the kept step nearest to `step`; of the last when None."""
        return len(self.maps.step) - 1 if step is None else int(np.argmin(np.abs(self.maps.step - step)))


def kept_units(root: str, where: Sequence[str]) -> KeptUnits:
    """The hidden units of the one run that meets the conditions.

    Raises:
      AnalysisError: there are several, its weights were not kept, or its units do not stand between tokens and outputs.
    """
    run = run_with_weights(root, list(where))
    maps = unit_maps(load_weights(root, run["run_id"]), {str(name): value for name, value in run.items()})
    told = ", ".join([f"{run['operation']} modulo {run['modulus']}", *(where or [f"seed={run['seed']}"])])
    return KeptUnits(maps, told)
