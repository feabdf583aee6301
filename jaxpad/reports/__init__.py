"""One page about one run, made from the files in its folder alone."""

from jaxpad.reports.page import write_report as write_report
