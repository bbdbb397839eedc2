//! Search: service.
