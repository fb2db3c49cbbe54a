"""Trains the experiments of the article, draws them, and checks its claims.

python -m benchmarks.article run                     # every experiment, hours; a second time, only what is missing
python -m benchmarks.article run parity-l1           # some of them
python -m benchmarks.article claims                  # each claim beside our number and the published one
python -m benchmarks.article outcomes parity-l1      # a row for each run of an experiment
"""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from benchmarks.article.claims import CLAIMS, checked
from benchmarks.article.experiments import carry_out, named, table
from benchmarks.article.outcomes import OUTCOMES

FOLDER = Path("results/article")
app = App(help="The experiments and claims of the article.")


@app.command
def run(*names: str, folder: Path = FOLDER) -> None:
    """Train the experiments, or those named, and draw their figures. Runs that are there already are not trained again."""
    for experiment in named(names):
        carry_out(experiment, folder)


@app.command
def claims(*, folder: Path = FOLDER, csv: Path | None = None) -> None:
    """Print each claim of the article with our number, the published one, and whether they agree; also as a CSV file."""
    rows = [(each, *checked(each, folder)) for each in CLAIMS]
    for claim, ours, agrees in rows:
        print(f"{agrees:<11} {claim.experiment:<20} {claim.text}\n{'':<11} ours: {ours or '-'} | published: {claim.published}")
    counts = {word: sum(agrees == word for *_, agrees in rows) for word in ("yes", "no", "not run yet")}
    print(f"{len(rows)} claims: " + ", ".join(f"{word} {count}" for word, count in counts.items()))
    if csv is not None:
        import pandas as pd  # noqa: PLC0415

        fields = [(each.section, each.text, each.experiment, ours, each.published, agrees) for each, ours, agrees in rows]
        pd.DataFrame(fields, columns=["section", "claim", "experiment", "ours", "published", "agrees"]).to_csv(csv, index=False)


@app.command
def outcomes(name: str, root: Path | None = None) -> None:
    """Print a row for each run of an experiment, by default of results/article/NAME."""
    if name not in OUTCOMES:
        raise SystemExit(f"there is no experiment {name}; there are {', '.join(OUTCOMES)}")
    print(OUTCOMES[name](root or FOLDER / name).to_string(index=False))


@app.command
def plan() -> None:
    """Print the experiments as a Markdown table."""
    print("\n".join(table()))


if __name__ == "__main__":
    app()
