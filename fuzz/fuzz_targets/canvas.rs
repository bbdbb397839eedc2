//! Any bytes as a canvas of Obsidian.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = peanut::ingest::parse::canvas::parse(bytes);
});
