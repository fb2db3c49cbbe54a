"""What the figures of a boundary share: the phase, the axis along which it is looked for, and what else makes groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import ArticleRule, classify
from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.statistics.boundary import Boundary, boundaries
from grokjax.analysis.tables.hyperparameters import varied_hyperparameters
from grokjax.scripts.selection import chosen_runs, missing_runs

Axis = Annotated[str, typer.Argument(metavar="AXIS", help="The hyperparameter along which to look.", show_default=False)]
Phase = Annotated[str, typer.Option(help="Whose boundary.")]
Against = Annotated[str | None, typer.Option(help="Against which other phase. [default: all others]", show_default=False)]
# What stands across, or makes lines, where there is a choice.
PREFERRED = ("hidden_size", "train_size", "weight_decay")


@dataclass(frozen=True)
class Found:
    """Boundaries by the values of the hyperparameters `by`, and what a figure says of them."""

    boundaries: dict[tuple[object, ...], Boundary]
    by: tuple[str, ...]
    missing: int
    title: str | None


def found_boundaries(
    root: str, axis: str, where: Sequence[str], rule: str | None, thresholds: Sequence[str], phase: str, against: str | None
) -> Found:
    """The boundaries of a phase along an axis, for each combination of the other hyperparameters of the runs that are asked for."""
    runs = chosen_runs(root, list(where))
    judged_by = choose_rule(root, runs, rule, thresholds)
    others = [name for name in varied_hyperparameters(runs) if name != axis]
    last = [name for name in (*PREFERRED, *others) if name in others][:1]
    by = (*(name for name in others if name not in last), *last)
    asked = () if judged_by == ArticleRule() else (f"rule {describe_rule(judged_by)}",)
    return Found(
        boundaries(runs, classify(runs, judged_by), axis, by, phase=phase, against=against),
        by,
        missing_runs(root, where, runs),
        "; ".join((*where, *asked)) or None,
    )
