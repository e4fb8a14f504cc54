"""Checks of a data set: `check_data` returns a `Report` of `Finding`s."""

from leadline.data_checks.check import check_data
from leadline.data_checks.findings import Finding, Severity
from leadline.data_checks.report import Report

__all__ = ["Finding", "Report", "Severity", "check_data"]
