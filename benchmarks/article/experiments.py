"""The experiments of the article in its order: what to train, and what to draw of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

GROKJAX = Path(sys.executable).with_name("grokjax")


@dataclass(frozen=True)
class Experiment:
    """A sweep of the article. `grokjax run SPEC SETTINGS --root FOLDER/NAME` trains it, a second time only what is missing.

    Attributes:
      name: of the folder of its results.
      section: of the article.
      spec: that ships with grokjax.
      settings: further arguments of `grokjax run`.
      figures: commands that draw the results, as a file's name and the words after `grokjax`; ROOT stands for the folder.
      minutes: from command to exit on two cores; None where it has not been timed.
    """

    name: str
    section: str
    spec: str
    settings: str = ""
    figures: tuple[tuple[str, str], ...] = ()
    minutes: float | None = None

    def training(self, folder: Path) -> list[str]:
        """The command that trains it."""
        return [str(GROKJAX), "run", self.spec, *self.settings.split(), "--root", str(folder / self.name)]

    def drawing(self, folder: Path) -> list[list[str]]:
        """The commands that draw its figures into the folder of its results."""
        root = folder / self.name
        return [
            [str(GROKJAX), *[str(root) if word == "ROOT" else word for word in words.split()], "--out", str(root / file)]
            for file, words in self.figures
        ]


SOLVED_MAIN = "--where seed=8"  # a seed that groks on the machine of docs/article/experiments.md
ONE_L1 = "--where l1_penalty=1e-5 --where seed=0"
VARIANT = "--where embedding=tied --where tied_hidden=true --where collapsed_hidden=false --where collapsed_output=false"

EXPERIMENTS = (
    Experiment(
        "modular-main",
        "Grokking modular addition; It's full of stars",
        "modular-main",
        figures=(
            ("curves.png", "curves ROOT --metrics train_accuracy,test_accuracy"),
            ("losses.png", "curves ROOT --metrics train_loss,test_loss"),
            ("weights.png", f"weights ROOT {SOLVED_MAIN}"),
            ("waves.png", f"weights ROOT --plot waves {SOLVED_MAIN}"),
            ("spectra.png", f"weights ROOT --plot spectra {SOLVED_MAIN}"),
            ("stars.png", f"weights ROOT --plot stars {SOLVED_MAIN}"),
            ("contributions.png", f"weights ROOT --plot contributions {SOLVED_MAIN}"),
            ("frequencies.png", "weights ROOT --plot frequencies"),
        ),
        minutes=2,
    ),
    Experiment(
        "parity-l1",
        "Generalizing with 1s and 0s",
        "parity-l1",
        figures=(
            ("curves.png", f"curves ROOT --metrics train_accuracy,test_accuracy {ONE_L1}"),
            ("weights.png", f"weights ROOT {ONE_L1}"),
            ("pruning.png", f"weights ROOT --plot pruning {ONE_L1}"),
        ),
        minutes=1.2,
    ),
    Experiment(
        "parity-l2",
        "Generalizing with 1s and 0s, footnote on L1 and L2",
        "parity-l2",
        figures=(("weights.png", "weights ROOT --where weight_decay=0.3 --where seed=0"),),
    ),
    Experiment(
        "parity-article",
        "When does grokking happen?",
        "parity-article",
        figures=(("phases.png", "phases ROOT"), ("shares.png", "phases ROOT --shares all")),
        minutes=43,
    ),
    Experiment(
        "modular-circle",
        "Modular addition with five neurons",
        "modular-circle",
        figures=(
            ("curves.png", "curves ROOT --metrics train_accuracy,test_accuracy"),
            ("circle.png", "weights ROOT --plot stars --where seed=1"),
        ),
        minutes=1,
    ),
    Experiment(
        "modular-constructed",
        "Appendix A: how the circular construction works",
        "modular-constructed",
        "--set hidden_size=3..7 --set activation=relu,quadratic",
        minutes=1,
    ),
    Experiment(
        "modular-seeds",
        "It's full of stars: other training runs",
        "modular-seeds",
        figures=(("frequencies.png", "weights ROOT --plot frequencies"),),
        minutes=15,
    ),
    Experiment(
        "modular-variants",
        "Which model constraints work best?",
        "modular-variants",
        figures=(
            ("variants.png", "variants ROOT optimizer,embedding,tied_hidden,collapsed_hidden,collapsed_output"),
            ("tied.png", f"phases ROOT --x weight_decay --y learning_rate --facet embedding_size {VARIANT}"),
        ),
    ),
    Experiment("modular-constraints", "Which model constraints work best?", "modular-constraints"),
    Experiment(
        "modular-reverse",
        "Why is memorization easier than generalization?",
        "modular-reverse",
        figures=(("curves.png", "curves ROOT --metrics train_accuracy,test_accuracy --where seed=2,10,18,22"),),
        minutes=1,
    ),
    Experiment(
        "modular-gmg",
        "Why is memorization easier than generalization?",
        "modular-generalize-memorize-generalize",
        "--set seed=0..399",
        figures=(("curves.png", "curves ROOT --metrics train_accuracy,test_accuracy --where seed=46"),),
    ),
    Experiment(
        "transformer",
        "What about larger models?",
        "transformer-addition",
        figures=(("curves.png", "curves ROOT --metrics train_accuracy,test_accuracy"),),
        minutes=15,
    ),
    Experiment(
        "digits-scale",
        "What about larger models?",
        "digits-scale",
        figures=(("phases.png", "phases ROOT --x init_scale --y weight_decay --threshold test=accuracy_90"),),
    ),
)


def named(names: tuple[str, ...]) -> list[Experiment]:
    """The experiments with these names, in the order of the article; all of them without names. Raises SystemExit for others."""
    known = [each.name for each in EXPERIMENTS]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"there is no experiment {unknown[0]}; there are {', '.join(known)}")
    return [each for each in EXPERIMENTS if not names or each.name in names]


def carry_out(experiment: Experiment, folder: Path) -> None:
    """Trains what the results of an experiment lack, and draws its figures.

    Raises:
      SystemExit: a command failed.
    """
    for command in (experiment.training(folder), *experiment.drawing(folder)):
        print("$", "grokjax", *command[1:], flush=True)
        if (code := subprocess.run(command, check=False).returncode) != 0:
            raise SystemExit(code)


def table() -> list[str]:
    """The experiments as lines of a Markdown table."""
    lines = ["| section | experiment | command | minutes on two cores | figures |", "|---|---|---|---|---|"]
    for each in EXPERIMENTS:
        command = " ".join(["grokjax run", each.spec, *each.settings.split()])
        minutes = "not timed" if each.minutes is None else f"{each.minutes:g}"
        figures = ", ".join(f"`{file}`" for file, _ in each.figures) or "none"
        lines.append(f"| {each.section} | `{each.name}` | `{command}` | {minutes} | {figures} |")
    return lines
