//! Segments against a plain model: packed, merged, searched, damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::domain::ChunkKind;
use crate::domain::search::WordMatch;
use crate::index::bytes::Bytes;
use crate::index::matching::Matching;
use crate::index::stop::Stop;
use crate::index::view::View;

const KINDS: [ChunkKind; 5] =
    [ChunkKind::Body, ChunkKind::Aside, ChunkKind::Quoted, ChunkKind::Signature, ChunkKind::Names];

/// Chunks with their terms.
type Model = BTreeMap<i64, (NewPlace, String)>;

fn new_place(random: &mut fastrand::Rng, id: i64) -> NewPlace {
    let document = random.u32(1..40);
    NewPlace {
        id,
        document,
        document_id: Uuid::from_u128(u128::from(document) << 64 | 7),
        kind: KINDS[random.usize(..KINDS.len())],
        length: random.u32(1..900),
    }
}

fn terms(random: &mut fastrand::Rng) -> String {
    let count = random.usize(0..30);
    let word = |random: &mut fastrand::Rng| match random.u8(..10) {
        0..6 => format!("w{}", random.u8(..6)),
        6..9 => format!("wörter{}", random.u8(..200)),
        _ => format!("z{}", random.u16(..)),
    };
    (0..count).map(|_| word(random)).collect::<Vec<_>>().join(" ")
}

fn segment_of(chunks: &Model) -> Segment {
    let places: Vec<(NewPlace, &str)> = chunks.values().map(|(place, terms)| (*place, terms.as_str())).collect();
    Segment::of(Bytes::from(pack(&places).unwrap())).unwrap()
}

/// Ids with frequencies of what a clause matches, the slow way.
fn expected(model: &Model, wanted: &WordMatch) -> BTreeMap<i64, u32> {
    let count = |terms: &str| -> u32 {
        let held: Vec<&str> = terms.split(' ').filter(|term| !term.is_empty()).collect();
        let of = |words: &[String]| held.windows(words.len()).filter(|window| *window == words).count() as u32;
        match wanted {
            WordMatch::Term(term) => of(std::slice::from_ref(term)),
            WordMatch::Prefix(start) => held.iter().any(|term| term.starts_with(start.as_str())).into(),
            WordMatch::Phrase(words) if words.len() == 1 => of(words),
            WordMatch::Phrase(words) => (of(words) > 0).into(),
            WordMatch::Any(all) if all.iter().all(|words| words.len() == 1) => all.iter().map(|words| of(words)).sum(),
            WordMatch::Any(all) => all.iter().any(|words| of(words) > 0).into(),
        }
    };
    let counted = model.iter().map(|(id, (_, terms))| (*id, count(terms)));
    counted.filter(|(_, count)| *count > 0).collect()
}

fn found(view: &View, wanted: &WordMatch) -> BTreeMap<i64, u32> {
    let mut found = BTreeMap::new();
    Matching::of(view, wanted, &Stop::default()).each(|part, place, frequency| {
        assert!(found.insert(part.segment.id(place), frequency).is_none(), "each once");
    });
    found
}

fn wanted(random: &mut fastrand::Rng) -> WordMatch {
    let word = |random: &mut fastrand::Rng| match random.u8(..4) {
        0..3 => format!("w{}", random.u8(..7)),
        _ => format!("wörter{}", random.u8(..200)),
    };
    let words = |random: &mut fastrand::Rng, most: usize| (0..random.usize(1..=most)).map(|_| word(random)).collect();
    match random.u8(..5) {
        0 => WordMatch::Term(word(random)),
        1 => WordMatch::Prefix(["w", "wör", "wörter1", "z", "zz", ""][random.usize(..6)].to_owned()),
        2 => WordMatch::Phrase(words(random, 3)),
        3 => WordMatch::Any((0..random.usize(1..4)).map(|_| vec![word(random)]).collect()),
        _ => WordMatch::Any((0..random.usize(1..4)).map(|_| words(random, 2)).collect()),
    }
}

#[test]
fn whatever_is_packed_merged_and_dropped_is_found_as_a_plain_search_finds_it() {
    let seed =
        std::env::var("PEANUT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("PEANUT_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..60 {
        let (mut model, mut gone) = (Model::new(), BTreeSet::new());
        let (mut segments, mut next, mut key): (Vec<(i64, Segment)>, i64, i64) = (Vec::new(), random.i64(1..9_000), 0);
        let mut view = View::default();
        for _ in 0..random.usize(1..14) {
            key += 1;
            match random.u8(..10) {
                0..6 => {
                    let mut chunks = Model::new();
                    for _ in 0..random.usize(1..50) {
                        next += random.i64(1..4);
                        chunks.insert(next, (new_place(&mut random, next), terms(&mut random)));
                    }
                    segments.push((key, segment_of(&chunks)));
                    model.extend(chunks);
                }
                6..8 => {
                    let ids: Vec<i64> = model.keys().copied().filter(|_| random.u8(..5) == 0).collect();
                    for id in ids {
                        model.remove(&id);
                        gone.insert(id);
                    }
                }
                _ if segments.len() > 1 => {
                    let from = random.usize(..segments.len() - 1);
                    let old: Vec<(i64, Segment)> = segments.drain(from..=from + 1).collect();
                    let inputs: Vec<Input> = old
                        .into_iter()
                        .map(|(_, segment)| {
                            let gone = (0..segment.chunks()).map(|at| gone.contains(&segment.id(at))).collect();
                            Input { segment, gone }
                        })
                        .collect();
                    let (bytes, chunks) = merge(&inputs, Vec::new()).unwrap();
                    let merged = Segment::of(Bytes::from(bytes)).unwrap();
                    assert_eq!(merged.chunks(), chunks);
                    segments.push((key, merged));
                }
                _ => {}
            }
            let known: BTreeSet<i64> = segments.iter().map(|(key, _)| *key).collect();
            let new: Vec<(i64, Segment)> = segments.iter().filter(|(key, _)| !view.has(*key)).cloned().collect();
            view.replace(|key| known.contains(&key), new);
            view.remove(gone.iter().copied());
            assert_eq!(view.ids().collect::<BTreeSet<_>>(), model.keys().copied().collect());
            for (id, (place, _)) in &model {
                let slot = view.slot(*id).unwrap();
                let (part, at) = view.at(slot).unwrap();
                let (kind, length) = part.segment.kinds_and_lengths().of(at);
                assert_eq!(
                    (view.id(slot), view.document(slot), kind, length),
                    (*id, place.document, place.kind, place.length)
                );
                assert_eq!(view.document_id(slot), place.document_id);
            }
            let texts: Vec<&NewPlace> =
                model.values().map(|(place, _)| place).filter(|place| place.kind.is_text()).collect();
            let statistics = view.statistics();
            assert_eq!((statistics.chunks, statistics.texts), (model.len() as u64, texts.len() as u64));
            for _ in 0..12 {
                let wanted = wanted(&mut random);
                let expected = expected(&model, &wanted);
                assert_eq!(found(&view, &wanted), expected, "{wanted:?}");
                let texts = expected.keys().filter(|id| model[*id].0.kind.is_text()).count() as u64;
                let count = Matching::of(&view, &wanted, &Stop::default()).count();
                assert_eq!((count.chunks, count.texts), (expected.len() as u64, texts), "{wanted:?}");
            }
        }
    }
}

#[test]
fn terms_come_in_order_with_their_counts() {
    let mut random = fastrand::Rng::with_seed(11);
    let chunks: Model = (1..400).map(|id| (id, (new_place(&mut random, id), terms(&mut random)))).collect();
    let segment = segment_of(&chunks);
    let mut expected: BTreeMap<&str, u32> = BTreeMap::new();
    for (_, terms) in chunks.values() {
        let distinct: BTreeSet<&str> = terms.split_ascii_whitespace().collect();
        for term in distinct {
            *expected.entry(term).or_default() += 1;
        }
    }
    let (mut terms, mut held) = (segment.terms(), Vec::new());
    while terms.advance() {
        held.push((String::from_utf8(terms.term().to_vec()).unwrap(), terms.postings().chunks));
    }
    let expected: Vec<(String, u32)> = expected.into_iter().map(|(term, count)| (term.to_owned(), count)).collect();
    assert_eq!(held, expected);
}

#[test]
fn damage_is_no_panic_and_a_cut_is_no_segment() {
    let mut random = fastrand::Rng::with_seed(5);
    let chunks: Model = (1..80).map(|id| (id, (new_place(&mut random, id), terms(&mut random)))).collect();
    let places: Vec<(NewPlace, &str)> = chunks.values().map(|(place, terms)| (*place, terms.as_str())).collect();
    let whole = pack(&places).unwrap();
    assert!((0..whole.len()).step_by(7).all(|cut| Segment::of(Bytes::from(whole[..cut].to_vec())).is_none()));
    for _ in 0..3_000 {
        let mut bytes = whole.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        let Some(segment) = Segment::of(Bytes::Held(Arc::from(bytes))) else { continue };
        let mut view = View::default();
        view.replace(|_| true, [(1, segment.clone())]);
        view.remove([3, 9, i64::MAX, i64::MIN]);
        for _ in 0..6 {
            let _ = found_some(&view, &wanted(&mut random));
        }
        for place in 0..segment.chunks().min(200) {
            let _ = (view.id(place), view.document_id(place), view.document(place));
        }
        let _ = merge(&[Input { segment, gone: vec![true] }], Vec::new());
    }
}

fn found_some(view: &View, wanted: &WordMatch) -> usize {
    let mut found = 0;
    Matching::of(view, wanted, &Stop::default()).each(|_, _, _| found += 1);
    found
}
