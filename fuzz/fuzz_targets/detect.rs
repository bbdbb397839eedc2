//! Any head of a file under any name.

#![cfg_attr(fuzzing, no_main)]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use peanut::ingest::detect::detect;

const NAMES: [&str; 8] = ["a", "a.txt", "a.md", "a.eml", "a.mbox", "a.html", "a.pdf", "a.docx"];

fuzz_target!(|input: (u8, u32, &[u8])| {
    let (name, more, head) = input;
    let path = Path::new(NAMES[usize::from(name) % NAMES.len()]);
    let _ = detect(path, head, head.len() as u64 + u64::from(more));
});
