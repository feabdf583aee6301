"""One page about a folder of runs: which differences between its arms are real."""

from jaxpad.reports.sweeps.page import write_sweep_report as write_sweep_report
from jaxpad.reports.sweeps.read import is_sweep as is_sweep
