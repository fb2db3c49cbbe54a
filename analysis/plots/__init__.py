"""Figures for papers: one function per figure, all in one style that also works in greyscale."""

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.bands import plot_bands
from grokjax.analysis.plots.boundary import plot_boundary
from grokjax.analysis.plots.contributions import plot_contributions
from grokjax.analysis.plots.curves import plot_curves
from grokjax.analysis.plots.delays import plot_delays
from grokjax.analysis.plots.fits import plot_fits
from grokjax.analysis.plots.frequencies import plot_frequencies
from grokjax.analysis.plots.importance import plot_importance
from grokjax.analysis.plots.incidence import plot_incidence
from grokjax.analysis.plots.layout.style import DOUBLE, PHASE_MARKERS, SINGLE, TEST_COLOR, TRAIN_COLOR, figure_kind, save_figure
from grokjax.analysis.plots.phases import plot_phases
from grokjax.analysis.plots.pruning import plot_pruning
from grokjax.analysis.plots.scatter import plot_scatter
from grokjax.analysis.plots.sensitivity import plot_sensitivity
from grokjax.analysis.plots.shares import plot_shares
from grokjax.analysis.plots.spectra import plot_spectra
from grokjax.analysis.plots.stars import plot_stars
from grokjax.analysis.plots.surface import plot_surface
from grokjax.analysis.plots.survival import plot_survival
from grokjax.analysis.plots.values import plot_difference, plot_map
from grokjax.analysis.plots.variants import plot_variants
from grokjax.analysis.plots.waves import plot_waves
from grokjax.analysis.plots.weights import plot_weights

__all__ = [
    "DOUBLE",
    "PHASE_COLORS",
    "PHASE_MARKERS",
    "SINGLE",
    "TEST_COLOR",
    "TRAIN_COLOR",
    "figure_kind",
    "plot_bands",
    "plot_boundary",
    "plot_contributions",
    "plot_curves",
    "plot_delays",
    "plot_difference",
    "plot_fits",
    "plot_frequencies",
    "plot_importance",
    "plot_incidence",
    "plot_map",
    "plot_phases",
    "plot_pruning",
    "plot_scatter",
    "plot_sensitivity",
    "plot_shares",
    "plot_spectra",
    "plot_stars",
    "plot_surface",
    "plot_survival",
    "plot_variants",
    "plot_waves",
    "plot_weights",
    "save_figure",
]
