"""Figures fit for a paper, a function a kind, in one quiet style that reads without colour too."""

from analysis.plots.boundary import plot_boundary
from analysis.plots.curves import plot_curves
from analysis.plots.delays import plot_delays
from analysis.plots.fits import plot_fits
from analysis.plots.phases import plot_phases
from analysis.plots.scatter import plot_scatter
from analysis.plots.sensitivity import plot_sensitivity
from analysis.plots.shares import plot_shares
from analysis.plots.spectra import plot_spectra
from analysis.plots.stars import plot_stars
from analysis.plots.style import DOUBLE, PHASE_COLORS, PHASE_MARKERS, SINGLE, TEST_COLOR, TRAIN_COLOR, figure_kind, save
from analysis.plots.survival import plot_survival
from analysis.plots.waves import plot_waves
from analysis.plots.weights import plot_weights

__all__ = [
    "DOUBLE",
    "PHASE_COLORS",
    "PHASE_MARKERS",
    "SINGLE",
    "TEST_COLOR",
    "TRAIN_COLOR",
    "figure_kind",
    "plot_boundary",
    "plot_curves",
    "plot_delays",
    "plot_fits",
    "plot_phases",
    "plot_scatter",
    "plot_sensitivity",
    "plot_shares",
    "plot_spectra",
    "plot_stars",
    "plot_survival",
    "plot_waves",
    "plot_weights",
    "save",
]
