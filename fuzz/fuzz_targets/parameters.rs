//! Any bytes behind a media type and a disposition: names of files and boundaries in every form mailers write them.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::mail::{NoAttachments, parse_message};

fuzz_target!(|bytes: &[u8]| {
    let value: Vec<u8> = bytes.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let head = b"From: a@x.org\nSubject: x\nContent-Type: application/octet-stream; ";
    let message = [&head[..], &value, b"\nContent-Disposition: attachment; ", &value, b"\n\nx\n"].concat();
    let parsed = parse_message(&message, &NoAttachments).expect("a message with headers");
    for name in parsed.message.into_iter().flat_map(|message| message.attachments) {
        assert!(name.chars().count() <= 200 && !name.contains(['/', '\\', '\n']), "{name}");
    }
});
