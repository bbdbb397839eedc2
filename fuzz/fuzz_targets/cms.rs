//! Any bytes as an S/MIME body: what is signed is a message of its own, everything else is told.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::mail::{NoAttachments, parse_message};

const HEAD: &[u8] = b"From: a@x.org\nSubject: x\nContent-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\nContent-Transfer-Encoding: binary\n\n";

fuzz_target!(|bytes: &[u8]| {
    let parsed = parse_message(&[HEAD, bytes].concat(), &NoAttachments);
    let parsed = parsed.expect("a message with headers is one whatever its body is");
    assert!(parsed.sections.iter().all(|section| !section.text.trim().is_empty()));
});
