"""The claims about the analysis: its speed on a million runs, its page, and the coverage of its intervals.

python -m benchmarks.analysis
"""

from __future__ import annotations

from benchmarks import coverage, million_runs, report

if __name__ == "__main__":
    million_runs.main()
    report.main(["published", "20000"])
    coverage.main(coverage.SIMULATIONS)
