"""What the figures of delays share: which crossings of the train and the test metric a delay lies between."""

from __future__ import annotations

from typing import Annotated

import typer

from grokjax.analysis.labels.rules import CROSSINGS
from grokjax.analysis.statistics.delays import Kind

Train = Annotated[str, typer.Option("--train", metavar="CROSSING", help=f"Of the train metric: {', '.join(CROSSINGS)}.")]
Test = Annotated[str, typer.Option("--test", metavar="CROSSING", help="Of the test metric, likewise.")]
Which = Annotated[
    Kind, typer.Option("--kind", help="The first crossing, or the sustained one, from which on the metric stays there.")
]
FITTED = "accuracy_99"
