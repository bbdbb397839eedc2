//! Any bytes as a saved web page.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::mail::mhtml;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(parsed) = mhtml::parse(bytes) {
        assert!(!parsed.sections.is_empty() && parsed.message.is_none());
    }
});
