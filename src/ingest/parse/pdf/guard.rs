//! Bounds on what a file unpacks to. Called before bytes are handed to the library, and for every stream read here.
//!
//! A packed stream grows a thousandfold at most, a packed packed one a millionfold; the library unpacks into memory
//! without asking, so it is asked here first, into a small buffer that is thrown away.

use std::borrow::Cow;
use std::io::Read;
use std::time::Instant;

use flate2::read::{DeflateDecoder, ZlibDecoder};
use hayro_syntax::Filter;
use hayro_syntax::object::Stream;

/// Most bytes one stream may unpack to.
pub(super) const MOST_UNPACKED: u64 = 64 << 20;
/// The same for streams the library unpacks by itself.
const MOST_INTERNAL: u64 = 256 << 20;
/// A packed stream of this size cannot grow beyond what is allowed.
const HARMLESS: usize = (MOST_INTERNAL / 1032) as usize;

/// Why a file is not read: a packed stream of it goes beyond bounds, or looking took until `deadline`. Encrypted streams
/// look like noise and pass.
pub(super) fn beyond(file: &[u8], deadline: Instant) -> Option<&'static str> {
    let mut at = 0;
    while let Some(found) = find(&file[at..], b"stream") {
        let start = at + found + 6;
        at = start;
        if file[..start].ends_with(b"endstream") {
            continue;
        }
        let data = file.get(start..).unwrap_or_default();
        let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n")).unwrap_or(data);
        let length = find(data, b"endstream").unwrap_or(data.len());
        at = file.len() - data.len() + length;
        let data = &data[..length];
        if length < 64 {
            continue;
        }
        let before = &file[start.saturating_sub(600)..start];
        let dictionary = find_last(before, b"obj").map_or(before, |from| &before[from..]);
        let is_chain = count(dictionary, b"Fl") + count(dictionary, b"LZW") + count(dictionary, b"#") > 1;
        let is_picture = find(dictionary, b"/Image").is_some() && find(dictionary, b"Stm").is_none() && !is_chain;
        if is_picture || length < HARMLESS && !is_chain {
            continue;
        }
        if !fits(data, if is_chain { 2 } else { 1 }, MOST_INTERNAL) {
            return Some("a stream in it unpacks to more than 256 MiB");
        }
        if Instant::now() > deadline {
            return Some("its streams unpack to so much that looking took more than a minute");
        }
    }
    None
}

/// Whether `data`, unpacked `times` times, stays below `most`.
fn fits(data: &[u8], times: u32, most: u64) -> bool {
    let mut inner = Vec::new();
    let mut unpacked = 0_u64;
    let mut decoder = ZlibDecoder::new(data);
    let mut buffer = [0_u8; 16 << 10];
    // What cannot be unpacked ends where it breaks.
    while let Ok(read @ 1..) = decoder.read(&mut buffer) {
        unpacked += read as u64;
        if unpacked > most {
            return false;
        }
        if times > 1 && unpacked <= MOST_UNPACKED {
            inner.extend_from_slice(&buffer[..read]);
        }
    }
    times < 2 || fits(&inner, times - 1, most)
}

/// Whether a stream that the library unpacks stays within bounds.
pub(super) fn is_small(stream: &Stream<'_>) -> bool {
    let raw = stream.raw_data();
    match &stream.filters()[..] {
        [] => true,
        [Filter::FlateDecode] => raw.len() < HARMLESS || fits(&raw, 1, MOST_UNPACKED),
        [_] => raw.len() < 1 << 20,
        _ => raw.len() < 1 << 16,
    }
}

/// The unpacked bytes of a stream, cut at `most`; `None` when it cannot be unpacked.
pub(super) fn unpacked<'a>(stream: &Stream<'a>, most: u64) -> Option<Cow<'a, [u8]>> {
    let filters = stream.filters();
    let raw = stream.raw_data();
    let growth = filters.iter().fold(1_u64, |growth, filter| {
        growth.saturating_mul(match filter {
            Filter::FlateDecode => 1032,
            Filter::LzwDecode => 1400,
            Filter::RunLengthDecode => 64,
            Filter::Ascii85Decode => 4,
            _ => 1,
        })
    });
    if growth.saturating_mul(raw.len() as u64) <= most.max(1 << 20) {
        return stream.decoded_data().ok();
    }
    match &filters[..] {
        [Filter::FlateDecode] => {
            let plain = inflated(&raw, most);
            // A predictor needs the library; what was cut is not handed to it.
            let is_plain = !stream.dict().contains_key(b"DecodeParms") && !stream.dict().contains_key(b"DP");
            if is_plain || plain.len() as u64 >= most {
                return (!plain.is_empty()).then_some(Cow::Owned(plain));
            }
            stream.decoded_data().ok()
        }
        // Text of a packed stream: what it unpacks to is tried first.
        [Filter::Ascii85Decode | Filter::AsciiHexDecode, Filter::FlateDecode] => {
            (raw.len() as u64 * 40 <= most).then(|| stream.decoded_data().ok()).flatten()
        }
        [Filter::LzwDecode] => (raw.len() as u64 * 30 <= most).then(|| stream.decoded_data().ok()).flatten(),
        _ => None,
    }
}

/// The unpacked bytes up to `most`, as far as they can be unpacked.
fn inflated(data: &[u8], most: u64) -> Vec<u8> {
    let mut out = Vec::new();
    // An error at the end leaves what came before it.
    let _ = ZlibDecoder::new(data).take(most).read_to_end(&mut out);
    if out.is_empty() {
        let _ = DeflateDecoder::new(data).take(most).read_to_end(&mut out);
    }
    out
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let first = *word.first()?;
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == first)?;
        if bytes[at..].starts_with(word) {
            return Some(at);
        }
        at += 1;
    }
}

fn find_last(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).rposition(|part| part == word)
}

fn count(bytes: &[u8], word: &[u8]) -> usize {
    bytes.windows(word.len()).filter(|part| *part == word).count()
}
