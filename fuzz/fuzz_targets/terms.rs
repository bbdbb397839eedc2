//! Any text to index terms: every token lies inside the text, and folding is stable.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use peanut::domain::terms;

fuzz_target!(|text: &str| {
    let _ = terms::terms(text);
    terms::each_token(text, |range, _| assert!(text.get(range).is_some()));
    terms::each_word(text, |word| {
        let folded = terms::fold(word);
        assert_eq!(terms::fold(&folded), folded);
    });
});
