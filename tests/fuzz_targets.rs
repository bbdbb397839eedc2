//! Every fuzz target, compiled and run on real files and on what is left of them after some damage. A fuzzer finds
//! more; this keeps its targets alive and its first inputs harmless.

#![expect(unreachable_pub, reason = "stands in for the macro of a library")]
#![expect(clippy::expect_used, reason = "a test")]

extern crate self as libfuzzer_sys;

use std::path::Path;

use arbitrary::{Arbitrary, Unstructured};

/// The bytes as a target's input.
pub fn taken<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(bytes)).ok()
}

macro_rules! targets {
    ($($name:ident in $file:literal),* $(,)?) => {
        $(
            #[path = $file]
            mod $name;
        )*
        /// Every target by name.
        const TARGETS: &[(&str, fn(&[u8]) -> bool)] = &[$((stringify!($name), $name::run)),*];
    };
}

targets! {
    calendar in "../fuzz/fuzz_targets/calendar.rs",
    canvas in "../fuzz/fuzz_targets/canvas.rs",
    cms in "../fuzz/fuzz_targets/cms.rs",
    contacts in "../fuzz/fuzz_targets/contacts.rs",
    date in "../fuzz/fuzz_targets/date.rs",
    decoder in "../fuzz/fuzz_targets/decoder.rs",
    detect in "../fuzz/fuzz_targets/detect.rs",
    docx in "../fuzz/fuzz_targets/docx.rs",
    emlx in "../fuzz/fuzz_targets/emlx.rs",
    excalidraw in "../fuzz/fuzz_targets/excalidraw.rs",
    html in "../fuzz/fuzz_targets/html.rs",
    mail_message in "../fuzz/fuzz_targets/mail_message.rs",
    markdown in "../fuzz/fuzz_targets/markdown.rs",
    mbox in "../fuzz/fuzz_targets/mbox.rs",
    mhtml in "../fuzz/fuzz_targets/mhtml.rs",
    parameters in "../fuzz/fuzz_targets/parameters.rs",
    pdf in "../fuzz/fuzz_targets/pdf.rs",
    query in "../fuzz/fuzz_targets/query.rs",
    quotes in "../fuzz/fuzz_targets/quotes.rs",
    rtf in "../fuzz/fuzz_targets/rtf.rs",
    terms in "../fuzz/fuzz_targets/terms.rs",
    text in "../fuzz/fuzz_targets/text.rs",
    tnef in "../fuzz/fuzz_targets/tnef.rs",
}

/// What the fuzzer's own macro does with one input: takes its bytes for what the target wants. False when they are not.
#[macro_export]
macro_rules! fuzz_target {
    (init: $init:expr, |$input:ident: $type:ty| $body:block) => {
        #[expect(dead_code, reason = "a hook for the fuzzer, which stops at every panic; here panics that are caught are none")]
        pub fn init() {
            $init
        }
        $crate::fuzz_target!(|$input: $type| $body);
    };
    (|$input:ident: $type:ty| $body:block) => {
        pub fn run(bytes: &[u8]) -> bool {
            fn target($input: $type) $body
            $crate::taken(bytes).map(target).is_some()
        }
    };
}

/// Larger ones take long in a build for tests.
const LARGEST: u64 = 32 << 10;
/// Damaged versions of each file.
const DAMAGED: usize = 4;

fn files(folder: &Path, into: &mut Vec<Vec<u8>>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry")).collect();
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let metadata = entry.metadata().expect("metadata");
        if metadata.is_dir() {
            files(&entry.path(), into);
        } else if metadata.len() <= LARGEST {
            into.push(std::fs::read(entry.path()).expect("file"));
        }
    }
}

/// Bytes changed, cut out and repeated.
fn damaged(file: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..random.usize(1..8) {
        let (from, length) = (random.usize(0..=bytes.len()), random.usize(0..64));
        let piece = from..(from + length).min(bytes.len());
        match random.u8(0..4) {
            0 => bytes.truncate(from.max(1)),
            1 => drop(bytes.drain(piece)),
            2 => bytes.extend_from_within(piece),
            _ => bytes[piece].iter_mut().for_each(|byte| *byte = random.u8(..)),
        }
    }
    bytes
}

#[test]
fn every_target_holds_on_files_and_on_what_is_left_of_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut listed: Vec<String> = std::fs::read_dir(folder.join("fuzz/fuzz_targets"))
        .expect("targets")
        .map(|entry| entry.expect("entry").path().file_stem().expect("name").to_string_lossy().into_owned())
        .collect();
    listed.sort();
    let named: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, listed, "a target that is not run here, or is no more");

    let mut inputs = vec![Vec::new(), b"budget from:alice -not \"a phrase\" word* date:2026-01..2026-03".to_vec()];
    files(&folder.join("tests/fixtures"), &mut inputs);
    let mut random = fastrand::Rng::with_seed(20_261_125);
    let broken: Vec<Vec<u8>> =
        inputs.iter().flat_map(|file| (0..DAMAGED).map(|_| damaged(file, &mut random)).collect::<Vec<_>>()).collect();
    for (name, target) in TARGETS {
        let taken = inputs.iter().chain(&broken).filter(|input| target(input)).count();
        assert!(taken > inputs.len() / 8, "{name} took only {taken} of {} inputs", inputs.len() + broken.len());
    }
}
