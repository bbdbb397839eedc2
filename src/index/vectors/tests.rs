//! Scans against a plain search, over blocks and what came since.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::domain::search::VectorQuery;
use crate::domain::{ChunkKind, ModelId};
use crate::index::bytes::Bytes;
use crate::index::codes::worth_rescoring;
use crate::index::numbers::Numbers;
use crate::index::stop::Stop;
use crate::index::view::{Allowed, View};
use crate::index::words::{NewPlace, Segment, pack};

const DIMENSION: usize = 32;

fn unit(random: &mut fastrand::Rng) -> Vec<f32> {
    let vector: Vec<f32> = (0..DIMENSION).map(|_| random.f32() - 0.5).collect();
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.into_iter().map(|x| x / norm).collect()
}

fn view_of(chunks: i64) -> View {
    let mut view = View::default();
    for (key, ids) in [(1, 1..=chunks / 2), (2, chunks / 2 + 1..=chunks)] {
        let places: Vec<(NewPlace, &str)> = ids
            .map(|id| {
                let document = id as u32 / 3;
                let place = NewPlace { id, document, document_id: Uuid::nil(), kind: ChunkKind::Body, length: 1 };
                (place, "x")
            })
            .collect();
        view.replace(|_| true, [(key, Segment::of(Bytes::from(pack(&places).unwrap())).unwrap())]);
    }
    view
}

fn model(number: i64, vectors: &BTreeMap<i64, Vec<f32>>, in_block: i64) -> Model {
    let coded = |of: &dyn Fn(i64) -> bool| -> Vec<Coded> {
        vectors.iter().filter(|(id, _)| of(**id)).map(|(id, vector)| Coded::of(*id, vector)).collect()
    };
    let mut model = Model::new(number, DIMENSION);
    for range in [0..in_block / 2, in_block / 2..in_block] {
        let bytes = write(coded(&|id| range.contains(&id)), DIMENSION, Vec::new()).unwrap();
        model.blocks.push((range.start, Block::of(Bytes::from(bytes), DIMENSION).unwrap()));
    }
    model.add(&coded(&|id| id >= in_block), 9);
    model
}

#[test]
fn the_best_are_found_wherever_they_lie_and_whatever_is_allowed() {
    let mut random = fastrand::Rng::with_seed(17);
    let mut view = view_of(900);
    view.remove([5, 6, 451]);
    let small: BTreeMap<i64, Vec<f32>> = (1..=900).map(|id| (id, unit(&mut random))).collect();
    let big: BTreeMap<i64, Vec<f32>> = (1..=400).map(|id| (id, unit(&mut random))).collect();
    let (big_model, small_model) = (model(2, &big, 300), model(1, &small, 600));
    assert_eq!((big_model.vectors(), small_model.vectors()), (400, 900));
    for round in 0..40 {
        let query = |name: &str, scale: f32, random: &mut fastrand::Rng| VectorQuery {
            model: ModelId::from(name),
            vector: unit(random),
            scale,
            offset: 0.1,
        };
        let queries = [query("big", 1.0, &mut random), query("small", 0.7, &mut random)];
        let known = |name: &str| if name == "big" { Some(&big_model) } else { Some(&small_model) };
        let asked = Asked::of(&queries, known);
        let allowed = match round % 3 {
            0 => Allowed::Live,
            1 => Allowed::Only(Arc::new(Numbers::of(0..200))),
            _ => Allowed::Only(Arc::new(Numbers::of([7, 120, 200, 201]))),
        };
        let words: Vec<f32> = (0..view.slots).map(|slot| if slot % 4 == 0 { f32::NAN } else { 0.0 }).collect();
        let words = (round % 2 == 1).then_some(&words[..]);
        let found = asked.scan(&view, &allowed, words, 10, &Stop::default());
        let mut found: Vec<(f32, i64)> = worth_rescoring(found, 10, asked.error())
            .into_iter()
            .map(|slot| view.id(slot as usize))
            .map(|id| (asked.fine_score(id).unwrap(), id))
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(10);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let mut exact: Vec<(f32, i64)> = (1..=900)
            .filter(|id| {
                let slot = view.slot(*id);
                slot.is_some_and(|slot| view.lets(&allowed, slot) && words.is_none_or(|words| !words[slot].is_nan()))
            })
            .map(|id| match big.get(&id) {
                Some(vector) => (dot(vector, &queries[0].vector) + 0.1, id),
                None => (dot(&small[&id], &queries[1].vector) * 0.7 + 0.1, id),
            })
            .collect();
        exact.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        exact.truncate(10);
        let ids = |list: &[(f32, i64)]| list.iter().map(|(_, id)| *id).collect::<Vec<_>>();
        assert_eq!(ids(&found), ids(&exact), "round {round}");
        assert!(found.iter().zip(&exact).all(|((a, _), (b, _))| (a - b).abs() < 1e-4));
    }
}

#[test]
fn merged_blocks_hold_what_is_not_gone() {
    let mut random = fastrand::Rng::with_seed(3);
    let vectors: BTreeMap<i64, Vec<f32>> = (1..=100).map(|id| (id, unit(&mut random))).collect();
    let model = model(1, &vectors, 101);
    let blocks: Vec<Block> = model.blocks.iter().map(|(_, block)| block.clone()).collect();
    let (bytes, count) = merge(&blocks, DIMENSION, |id| id % 10 == 0, Vec::new()).unwrap();
    let merged = Block::of(Bytes::from(bytes.clone()), DIMENSION).unwrap();
    assert_eq!((count, merged.vectors(), merged.find(10)), (90, 90, None));
    for id in (1..=100).filter(|id| id % 10 != 0) {
        let row = merged.find(id).unwrap();
        let coded = Coded::of(id, &vectors[&id]);
        assert_eq!((merged.code(row), merged.fine(row)), (&coded.code[..], &coded.fine[..]));
        assert!((merged.scale(row) - coded.scale).abs() < f32::EPSILON);
    }
    assert!(Block::of(Bytes::from(bytes.clone()), DIMENSION + 1).is_none());
    assert!(Block::of(Bytes::from(bytes[..bytes.len() - 1].to_vec()), DIMENSION).is_none());
}

#[test]
fn nothing_more_is_scanned_when_nobody_waits() {
    let mut random = fastrand::Rng::with_seed(3);
    let vectors: BTreeMap<i64, Vec<f32>> = (1..=100).map(|id| (id, unit(&mut random))).collect();
    let (view, model) = (view_of(100), model(1, &vectors, 50));
    let queries = [VectorQuery { model: ModelId::from("m"), vector: unit(&mut random), scale: 1.0, offset: 0.0 }];
    let asked = Asked::of(&queries, |_| Some(&model));
    assert!(asked.scan(&view, &Allowed::Live, None, 5, &Stop::after(0)).is_empty());
    assert!(!asked.scan(&view, &Allowed::Live, None, 5, &Stop::default()).is_empty());
}
