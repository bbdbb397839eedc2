//! Any bytes as a file of Apple Mail.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::mail::{NoAttachments, emlx};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(parsed) = emlx::parse(bytes, &NoAttachments) {
        assert!(parsed.message.is_some_and(|message| !message.message_id.is_empty()));
    }
});
