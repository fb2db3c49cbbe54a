"""Published survival times as tables of runs and delays."""

import pandas as pd

# Miller 1997, Survival Analysis, p. 49: acute myelogenous leukemia, maintained or not (R: survival::aml).
AML = [
    *[(1, t, e) for t, e in zip((9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161), (1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0), strict=True)],
    *[(0, t, e) for t, e in zip((5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45), (1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1), strict=True)],
]
# Gehan 1965: remission of leukemia under 6-MP or placebo (R: MASS::gehan).
GEHAN = [
    *[(1, t, 1) for t in (6, 6, 6, 7, 10, 13, 16, 22, 23)],
    *[(1, t, 0) for t in (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)],
    *[(0, t, 1) for t in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)],
]


def tables(rows):
    frame = pd.DataFrame(rows, columns=["group", "delay", "generalized"]).astype({"delay": float, "generalized": bool})
    return frame[["group"]], frame[["delay", "generalized"]]
