//! Any bytes as an archive, read through a buffer of any size: items in order, the same as through a large one.

#![cfg_attr(fuzzing, no_main)]

use std::io::BufReader;

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::mail::mbox::MboxReader;

fuzz_target!(|input: (u8, &[u8])| {
    let (capacity, archive) = input;
    let whole: Vec<_> = MboxReader::new(archive, 0).with_limit(4_096).collect();
    let mut end = 0;
    for item in &whole {
        let (from, to) = item.as_ref().map_or_else(|e| (e.offset, e.end_offset), |m| (m.offset, m.end_offset));
        assert!(end <= from && from <= to && to <= archive.len() as u64);
        end = to;
    }
    // Files that end lines with a lone CR are told by the first buffer; only they may differ.
    if archive.contains(&b'\n') && archive.iter().take(1).all(|byte| *byte != b'\r') && !archive.contains(&b'\r') {
        let buffered = BufReader::with_capacity(usize::from(capacity) + 1, archive);
        assert!(MboxReader::new(buffered, 0).with_limit(4_096).eq(whole));
    }
});
