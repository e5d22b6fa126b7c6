"""Accumulators that merge, in constant memory, and errors of series that are correlated."""

from ._autocorrelation import Autocorrelation as Autocorrelation
from ._autocorrelation import CorrelationFunction as CorrelationFunction
from ._blocking import Blocking as Blocking
from ._blocking import blocking as blocking
from ._correlation import autocorrelation as autocorrelation
from ._correlation import correlation as correlation
from ._correlation import effective_sample_size as effective_sample_size
from ._correlation import integrated_autocorrelation_time as integrated_autocorrelation_time
from ._correlation import power_spectrum as power_spectrum
from ._correlation import series_mean as series_mean
from ._correlation import window as window
from ._ensemble_average import EnsembleAverage as EnsembleAverage
from ._ensemble_average import Moments as Moments
from ._fit import LineFit as LineFit
from ._fit import PowerLawFit as PowerLawFit
from ._fit import linear_fit as linear_fit
from ._fit import power_law as power_law
from ._following import AbstractFollowing as AbstractFollowing
from ._histogram import Histogram as Histogram
from ._series import Recording as Recording
from ._series import Series as Series
from ._time_average import Mean as Mean
from ._time_average import TimeAverage as TimeAverage
from ._validation import validation as validation
