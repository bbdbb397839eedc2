//! Log file and crash report.
