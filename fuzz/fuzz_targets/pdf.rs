//! Any bytes as a PDF. The library that reads them may panic, which the parser catches and tells; our own code may not.
//! What comes out is text in the pages' order, without what no text holds.

#![cfg_attr(fuzzing, no_main)]

use std::panic;

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        let abort = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            let is_ours = panicked.location().is_none_or(|place| !place.file().contains(".cargo/registry"));
            if is_ours {
                abort(panicked);
            }
        }));
    },
    |bytes: &[u8]| {
        let Ok(parsed) = peanut::ingest::parse::pdf::parse(bytes) else { return };
        assert!(parsed.sections.is_sorted_by_key(|section| section.page));
        for section in &parsed.sections {
            assert!(section.page.is_some() && !section.text.trim().is_empty());
            assert!(!section.text.chars().any(|character| character.is_control() && character != '\n'));
        }
        assert!(parsed.left_out.iter().all(|sentence| sentence.len() < 400));
    }
);
