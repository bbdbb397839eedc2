//! Any bytes as a calendar; most mutations keep its first line.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::calendar;

fuzz_target!(|bytes: &[u8]| {
    let _ = calendar::is_calendar(bytes);
    if let Ok(parsed) = calendar::parse(bytes) {
        assert!(parsed.sections.iter().all(|section| !section.text.trim().is_empty()));
        assert!(parsed.people.iter().all(|person| person.person_id().is_some()));
    }
});
