//! Any bytes under any label of a charset, true or lying: text comes out, not much longer than what went in.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::text;

const LABELS: [&str; 20] = [
    "",
    "us-ascii",
    "utf-8",
    "utf-16",
    "utf-16le",
    "utf-32",
    "utf-7",
    "iso-8859-1",
    "iso-8859-5",
    "windows-1251",
    "koi8-r",
    "iso-2022-jp",
    "iso-2022-kr",
    "iso-2022-cn",
    "hz-gb-2312",
    "shift_jis",
    "euc-kr",
    "gb18030",
    "big5",
    "no such charset",
];

fuzz_target!(|input: (u8, &[u8])| {
    let (label, bytes) = input;
    let label = LABELS[usize::from(label) % LABELS.len()];
    let decoded = text::decode_declared(bytes, (!label.is_empty()).then_some(label));
    assert!(decoded.len() <= 9 * bytes.len() + 16, "{} of {}", decoded.len(), bytes.len());
    let _ = text::is_text(bytes);
});
