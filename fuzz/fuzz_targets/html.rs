//! Any bytes as an HTML page.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::html;

fuzz_target!(|bytes: &[u8]| {
    let _ = html::parse(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = html::to_text(text);
        let _ = html::fragment(text);
    }
});
