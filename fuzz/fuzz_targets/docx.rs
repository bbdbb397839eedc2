//! Any bytes as a Word document; seeds make the fuzzer reach the XML inside.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = peanut::ingest::parse::docx::parse(bytes);
});
