//! Any text as a date, and as the name of a file that may be one.

#![cfg_attr(fuzzing, no_main)]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::date;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _ = date::parse(&text);
    let _ = date::of_name(Path::new(&*text));
});
