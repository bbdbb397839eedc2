//! Any bytes as one message: an answer, never a panic, and nobody without a name or an address in it.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::mail::{NoAttachments, parse_message};

fuzz_target!(|raw: &[u8]| {
    if let Ok(parsed) = parse_message(raw, &NoAttachments) {
        assert!(parsed.people.iter().all(|person| person.person_id().is_some()));
        assert!(parsed.sections.iter().all(|section| !section.text.trim().is_empty()));
        assert!(parsed.message.is_some_and(|message| !message.message_id.is_empty()));
    }
});
