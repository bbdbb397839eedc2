//! Any bytes as contact cards.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::contacts;

fuzz_target!(|bytes: &[u8]| {
    let _ = contacts::is_contacts(bytes);
    if let Ok(parsed) = contacts::parse(bytes) {
        assert!(parsed.sections.iter().all(|section| !section.text.trim().is_empty()));
    }
});
