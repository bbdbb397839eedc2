//! Search: fuse.
