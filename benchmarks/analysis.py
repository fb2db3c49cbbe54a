"""The claims about the analysis: how fast it is on a million runs, its page, and how often its bands hold what they should.

python benchmarks/analysis.py
"""

from __future__ import annotations

import sys
from pathlib import Path

TOP = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path[0] = str(TOP)  # Python looks in this folder first, where `analysis` is this file
    from benchmarks import coverage, million_runs, report

    million_runs.main()
    report.main()
    coverage.main(coverage.SIMULATIONS)
else:
    __path__ = [str(TOP / "analysis")]  # the other files of this folder mean the package of that name, and find this file first
