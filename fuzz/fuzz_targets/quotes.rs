//! Any text as a body: dividing it loses no word.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::ingest::parse::mail::quotes::{Hints, split};

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort();
    words
}

fuzz_target!(|input: (bool, bool, &str)| {
    let (is_forward, is_opening, text) = input;
    let runs = split(text, &Hints { is_forward, is_opening, sender: Some("Ann Lee") });
    let joined = runs.iter().map(|run| run.text.as_str()).collect::<Vec<_>>().join("\n");
    assert_eq!(words(&joined), words(text));
});
