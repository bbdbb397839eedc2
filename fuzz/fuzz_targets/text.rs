//! Any bytes as a plain text file in any charset.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::text;

fuzz_target!(|bytes: &[u8]| {
    let _ = text::parse(bytes);
    let _ = text::cleaned(&text::decode(bytes));
});
