//! Starts Peanut; everything else is in the library.

fn main() {}
