//! Any bytes as `winmail.dat`, the one attachment of a message.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::mail::{NoAttachments, parse_message};

const HEAD: &[u8] = b"From: a@x.org\nSubject: x\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: binary\nContent-Disposition: attachment\n\n";
const SIGNATURE: &[u8] = &[0x78, 0x9F, 0x3E, 0x22];

fuzz_target!(|bytes: &[u8]| {
    let bytes = bytes.strip_prefix(SIGNATURE).unwrap_or(bytes);
    let parsed = parse_message(&[HEAD, SIGNATURE, bytes].concat(), &NoAttachments);
    let parsed = parsed.expect("a message with headers is one whatever is attached");
    assert!(parsed.sections.iter().all(|section| !section.text.trim().is_empty()));
    assert!(parsed.people.iter().all(|person| person.person_id().is_some()));
});
