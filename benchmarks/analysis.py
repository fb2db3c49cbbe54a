"""The claims about the analysis: how fast it is on a million runs, its page, and how often its bands hold what they should.

python -m benchmarks.analysis
"""

from __future__ import annotations

from benchmarks import coverage, million_runs, report

if __name__ == "__main__":
    million_runs.main()
    report.main()
    coverage.main(coverage.SIMULATIONS)
