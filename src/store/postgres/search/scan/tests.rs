//! What a scan finds, alone and together, and when it ends.

use std::collections::HashSet;

use super::super::segment::Segment;
use super::super::source::Source;
use super::*;
use crate::domain::ModelId;
use crate::domain::search::VectorQuery;

const DIMENSION: usize = 32;

fn unit(random: &mut fastrand::Rng) -> Vec<f32> {
    let vector: Vec<f32> = (0..DIMENSION).map(|_| random.f32() - 0.5).collect();
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.into_iter().map(|x| x / norm).collect()
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// One chunk per document, chunk and document numbered alike.
fn view(chunks: usize, gone: &HashSet<i64>, retired: HashSet<i64>) -> View {
    let segment = Segment::of_chunks(1, 0..chunks as i64);
    View::new(vec![Arc::new(segment)], gone, retired, Vec::new(), 1, (Source::Primary, 1))
}

#[test]
fn the_best_that_may_be_returned_are_found_alone_and_together() {
    let mut random = fastrand::Rng::with_seed(11);
    let vectors: Vec<Vec<f32>> = (0..5_000).map(|_| unit(&mut random)).collect();
    let queries: Vec<Vec<f32>> = (0..4).map(|_| unit(&mut random)).collect();
    let nearest_of = |query: &[f32], most: usize| {
        let mut all: Vec<i64> = (0..5_000).collect();
        all.sort_by(|a, b| dot(&vectors[*b as usize], query).total_cmp(&dot(&vectors[*a as usize], query)));
        all.truncate(most);
        all
    };
    let mut codes = ModelCodes::new(1, DIMENSION);
    codes.follow(&view(5_000, &HashSet::new(), HashSet::new()));
    codes.add((0..).zip(vectors.iter().cloned().map(Some)).collect());
    let codes = Arc::new(codes);
    // Nothing; a few; the very nearest of the first query, removed and retired: more than a hasty scan makes up for.
    let few: HashSet<i64> = nearest_of(&queries[0], 8).into_iter().step_by(2).collect();
    let many: HashSet<i64> = nearest_of(&queries[0], 120).into_iter().collect();
    for (gone, retired) in [
        (HashSet::new(), HashSet::new()),
        (few.clone(), HashSet::new()),
        (HashSet::new(), few),
        (many.clone(), HashSet::new()),
        (HashSet::new(), many),
    ] {
        let view = Arc::new(view(5_000, &gone, retired.clone()));
        let wanted: Vec<Wanted> = queries
            .iter()
            .map(|vector| {
                let query = VectorQuery { model: ModelId::from("m"), vector: vector.clone(), scale: 1.0, offset: 0.0 };
                Wanted {
                    models: vec![(Arc::clone(&codes), QueryCode::of(&query))],
                    view: Arc::clone(&view),
                    share: view.share(&Allowed::Live),
                    allowed: Arc::new(Allowed::Live),
                    words: Arc::default(),
                    limit: 20,
                    stop: Stop::default(),
                }
            })
            .collect();
        let together = answers(&wanted.iter().collect::<Vec<_>>());
        for ((one, vector), answered) in wanted.iter().zip(&queries).zip(together) {
            let exact = nearest_of(vector, 5_000).into_iter().filter(|id| !gone.contains(id) && !retired.contains(id));
            let exact: Vec<i64> = exact.take(20).collect();
            let ids = |found: &[ScoredChunk]| found.iter().map(|chunk| chunk.chunk_id.0).collect::<Vec<_>>();
            assert_eq!(ids(&answered), exact);
            assert_eq!(answers(&[one]).first(), Some(&answered));
            assert_eq!(ids(&one.look_up()), exact);
        }
    }
}

#[test]
fn for_whoever_gave_up_nothing_more_is_scanned() {
    let mut random = fastrand::Rng::with_seed(12);
    let rows = 10 * STRETCH;
    let mut codes = ModelCodes::new(1, DIMENSION);
    codes.follow(&view(rows, &HashSet::new(), HashSet::new()));
    codes.add((0..).zip((0..rows).map(|_| Some(unit(&mut random)))).collect());
    let (codes, view) = (Arc::new(codes), Arc::new(view(rows, &HashSet::new(), HashSet::new())));
    let query = VectorQuery { model: ModelId::from("m"), vector: unit(&mut random), scale: 1.0, offset: 0.0 };
    let wanted = |stop: Stop| Wanted {
        models: vec![(Arc::clone(&codes), QueryCode::of(&query))],
        view: Arc::clone(&view),
        share: 1.0,
        allowed: Arc::new(Allowed::Live),
        words: Arc::default(),
        limit: rows,
        stop,
    };
    let (patient, gone) = (wanted(Stop::default()), wanted(Stop::after(3)));
    let mut searches = [Scanning::new(&patient, true), Scanning::new(&gone, true)];
    scan(&mut searches);
    let [patient, gone] = searches.map(|search| search.nearest.into_held().len());
    assert_eq!((patient, gone), (rows, 3 * STRETCH), "three stretches for the one, everything for the other");
    assert!(wanted(Stop::after(0)).look_up().is_empty());
}

#[test]
fn whoever_waits_for_the_same_codes_is_answered_together() {
    let codes = || Arc::new(ModelCodes::new(1, DIMENSION));
    let (ours, theirs) = (codes(), codes());
    let query = VectorQuery { model: ModelId::from("m"), vector: vec![1.0; DIMENSION], scale: 1.0, offset: 0.0 };
    let view = Arc::new(view(1, &HashSet::new(), HashSet::new()));
    let scans = Scans::default();
    let mut answers = Vec::new();
    for (number, codes) in [&ours, &theirs, &ours, &ours].into_iter().enumerate() {
        let (answer, answered) = oneshot::channel();
        let models = vec![(Arc::clone(codes), QueryCode::of(&query))];
        let (view, allowed, words) = (Arc::clone(&view), Arc::new(Allowed::Live), Arc::default());
        let stop = Stop::default();
        let wanted = Wanted { models, view, allowed, share: 1.0, words, limit: 1, stop };
        scans.queue().push(Waiting { number: number as u64, wanted, answer });
        answers.push(answered);
    }
    // The third gave up.
    drop(answers.remove(2));
    let numbers = |taken: Vec<Waiting>| taken.iter().map(|waiting| waiting.number).collect::<Vec<_>>();
    assert_eq!(numbers(scans.take()), [0, 3]);
    assert!(scans.holds(1) && !scans.holds(2));
    scans.run();
    assert_eq!(answers.remove(1).try_recv(), Ok(Vec::new()));
    assert!(scans.take().is_empty());
}
