//! Runtime: settings.
