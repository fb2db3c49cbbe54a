"""The public names, read at run time by `__init__.py`, each loaded when it is first used. Other names may change without notice."""

from .analysis.labels.events import Event as Event, EventRule as EventRule, events as events
from .analysis.labels.marginal import near_threshold as near_threshold
from .analysis.labels.rules import (
    PHASES as PHASES,
    AccuracyDelayRule as AccuracyDelayRule,
    ArticleRule as ArticleRule,
    CrossingRule as CrossingRule,
    FinalRule as FinalRule,
    NamedRule as NamedRule,
    classify as classify,
)
from .analysis.plots.bands import plot_bands as plot_bands
from .analysis.plots.boundary import plot_boundary as plot_boundary
from .analysis.plots.contributions import plot_contributions as plot_contributions
from .analysis.plots.curves import plot_curves as plot_curves
from .analysis.plots.delays import plot_delays as plot_delays
from .analysis.plots.fits import plot_fits as plot_fits
from .analysis.plots.frequencies import plot_frequencies as plot_frequencies
from .analysis.plots.importance import plot_importance as plot_importance
from .analysis.plots.incidence import plot_incidence as plot_incidence
from .analysis.plots.layout.style import save_figure as save_figure
from .analysis.plots.phases import plot_phases as plot_phases
from .analysis.plots.pruning import plot_pruning as plot_pruning
from .analysis.plots.scatter import plot_scatter as plot_scatter
from .analysis.plots.sensitivity import plot_sensitivity as plot_sensitivity
from .analysis.plots.shares import plot_shares as plot_shares
from .analysis.plots.spectra import plot_spectra as plot_spectra
from .analysis.plots.stars import plot_stars as plot_stars
from .analysis.plots.surface import plot_surface as plot_surface
from .analysis.plots.survival import plot_survival as plot_survival
from .analysis.plots.values import plot_difference as plot_difference, plot_map as plot_map
from .analysis.plots.variants import plot_variants as plot_variants
from .analysis.plots.waves import plot_waves as plot_waves
from .analysis.plots.weights import plot_weights as plot_weights
from .analysis.results import Results as Results, open_root as open_root
from .analysis.report.page_data import PageAxes as PageAxes
from .analysis.report.write import write_report as write_report
from .analysis.statistics.aggregate import cell_values as cell_values, curve_bands as curve_bands
from .analysis.statistics.agreement import agreement as agreement, sensitivity as sensitivity
from .analysis.statistics.boundary import boundaries as boundaries, boundary as boundary, boundary_table as boundary_table
from .analysis.statistics.compare import compare as compare
from .analysis.statistics.contributions import contributions as contributions
from .analysis.statistics.delay_law import delay_law as delay_law
from .analysis.statistics.delay_ratios import delay_ratios as delay_ratios
from .analysis.statistics.delays import Crossings as Crossings, grokking_delays as grokking_delays
from .analysis.statistics.grid import PhaseGrid as PhaseGrid, phase_grid as phase_grid
from .analysis.statistics.importance import Importance as Importance, importance as importance
from .analysis.statistics.points import point_counts as point_counts
from .analysis.statistics.pruning import pruning as pruning
from .analysis.statistics.refine import least_known as least_known, refined_spec as refined_spec
from .analysis.statistics.refine_points import least_known_places as least_known_places
from .analysis.statistics.surface import Surface as Surface, surface as surface
from .analysis.statistics.incidence import cumulative_incidence as cumulative_incidence, run_outcomes as run_outcomes
from .analysis.statistics.logrank import log_rank as log_rank
from .analysis.statistics.survival import median_delays as median_delays, survival_curves as survival_curves
from .analysis.statistics.units import unit_frequencies as unit_frequencies, unit_maps as unit_maps
from .analysis.statistics.variants import share_contrasts as share_contrasts, variant_shares as variant_shares
from .analysis.tables.arrays import to_xarray as to_xarray
from .analysis.tables.budget import runs_as_of as runs_as_of, summaries_as_of as summaries_as_of
from .analysis.tables.load import load_curves as load_curves, load_runs as load_runs, load_weights as load_weights
from .analysis.tables.planned import load_planned as load_planned, missing_runs as missing_runs
from .analysis.tables.query import query as query
from .config import RunConfig as RunConfig
from .engine.pack import PackCallbacks as PackCallbacks, train_pack as train_pack
from .engine.program import Tuning as Tuning
from .errors import (
    AnalysisError as AnalysisError,
    BadFileError as BadFileError,
    BadFileWarning as BadFileWarning,
    ClusterError as ClusterError,
    ComponentError as ComponentError,
    UserError as UserError,
    SpecError as SpecError,
    StoreError as StoreError,
)
from .sweeps.execute.driver import Execution as Execution, Outcome as Outcome, Progress as Progress, run_sweep as run_sweep
from .sweeps.execute.events import Interrupted as Interrupted
from .sweeps.spec.load import load_spec as load_spec
