//! Runtime: services.
