//! Any bytes as rich text, with its mark in front and without.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::rtf;

fuzz_target!(|bytes: &[u8]| {
    let _ = rtf::parse(bytes);
    let text = rtf::to_text(&[b"{\\rtf1", bytes].concat());
    assert!(!text.contains('\0'));
});
