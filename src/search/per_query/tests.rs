use super::super::fuse::{Fusion, fuse};
use super::*;
use crate::domain::DocumentId;
use crate::domain::search::ScoredChunk;

const MINILM: PerQuery =
    PerQuery { words: 0.40, nearness: -1.5, steepness: 0.5, length: 0.3, window: 0.18, feedback: 0.7 };
const STATIC: PerQuery =
    PerQuery { words: 0.55, nearness: 0.0, steepness: 1.0, length: 0.0, window: 0.15, feedback: 0.8 };

const VECTORS: [[f32; 4]; 12] = [
    [0.515_861, 0.770_792, 0.278_925, -0.248_933],
    [0.068_973, -0.186_928, 0.315_878, 0.927_643],
    [0.074_013, -0.014_003, 0.749_136, 0.658_119],
    [0.436_824, -0.204_917, 0.352_858, 0.801_677],
    [-0.449_034, 0.086_006, -0.786_059, -0.416_031],
    [-0.732_122, 0.215_036, -0.393_065, 0.513_085],
    [0.359_892, 0.195_941, -0.911_726, 0.028_991],
    [0.423_97, 0.547_961, -0.714_95, 0.093_993],
    [-0.218_943, -0.120_968, 0.960_749, -0.119_969],
    [0.340_955, 0.892_881, 0.009_999, 0.293_961],
    [0.530_711, 0.495_73, -0.466_745, 0.504_725],
    [0.720_915, -0.348_959, 0.536_937, 0.264_969],
];
const WORDS: [f32; 12] = [0.43, 11.0, 6.05, 0.0, 3.3, 5.31, 2.24, 5.73, 2.73, 5.67, 8.75, 0.3];
const CLOSE: [f32; 12] = [0.64, 0.68, 0.15, 0.0, 0.24, 0.4, 0.1, 0.97, 0.22, 0.67, 0.3, 0.87];

fn listed(scores: impl Iterator<Item = (i64, f32)>) -> Leg {
    let scored = |(id, score): (i64, f32)| ScoredChunk {
        chunk_id: ChunkId(id),
        document_id: DocumentId(uuid::Uuid::from_u128(id.unsigned_abs().into())),
        score,
    };
    let mut ranked: Vec<ScoredChunk> = scores.map(scored).collect();
    ranked.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
    Leg { ranked, filled_in: HashMap::new() }
}

/// Both legs of the example: the query is (.5, .5, .5, .5).
fn legs() -> (Leg, Leg) {
    let words = (0_i64..).zip(WORDS).filter(|(_, score)| *score > 0.0);
    let vectors = (0_i64..).zip(VECTORS).map(|(id, vector)| (id, vector.iter().sum::<f32>() / 2.0));
    (listed(words), listed(vectors))
}

fn example(rule: PerQuery, weights: (f32, f32), terms: usize) -> Vec<Fused> {
    let (words, vectors) = legs();
    let mut ranking = Ranking::begin(&words, &vectors, rule, weights, terms);
    ranking.close_together(&(0_i64..).map(ChunkId).zip(CLOSE).collect());
    ranking.feed_back(&(0_i64..).map(ChunkId).zip(VECTORS.map(|vector| vector.to_vec())).collect());
    ranking.finish()
}

#[test]
fn scores_are_those_of_the_formula() {
    // Computed apart, in Python, from the formula as it was fitted.
    let expected: [(PerQuery, usize, [f32; 12]); 4] = [
        (MINILM, 3, [0.7725, 1.0596, 0.9336, 0.6937, -0.5854, 0.1149, -0.0024, 0.6059, 0.3027, 1.1108, 0.9393, 0.7079]),
        (
            MINILM,
            14,
            [0.7824, 1.0845, 0.9661, 0.6934, -0.6017, 0.0922, -0.0355, 0.5841, 0.3547, 1.1074, 0.9275, 0.7348],
        ),
        (STATIC, 3, [0.7713, 1.5421, 1.2025, 0.6934, -0.4374, 0.3515, 0.1034, 0.8445, 0.4134, 1.3524, 1.3354, 0.691]),
        (STATIC, 14, [0.7808, 1.5337, 1.2185, 0.6933, -0.4662, 0.3094, 0.0598, 0.8021, 0.4615, 1.3305, 1.2942, 0.7195]),
    ];
    for (rule, terms, expected) in expected {
        let fused = example(rule, (0.7, 0.7), terms);
        // Scores are divided by the most there can be, which is one number for all.
        let scale = expected[1] / fused.iter().find(|one| one.chunk_id.0 == 1).unwrap().scores.fused;
        assert!(scale > 1.0);
        for one in &fused {
            let wanted = expected[usize::try_from(one.chunk_id.0).unwrap()];
            assert!((one.scores.fused * scale - wanted).abs() < 2e-3, "{terms}: {one:?}, {wanted}");
        }
        assert!(fused.is_sorted_by(|one, next| one.scores.fused >= next.scores.fused));
    }
}

#[test]
fn the_weight_leads_from_one_leg_to_the_other() {
    let (words, vectors) = legs();
    let order = |fused: Vec<Fused>| fused.iter().map(|one| one.chunk_id.0).collect::<Vec<_>>();
    let rule = PerQuery { feedback: 0.0, ..MINILM };
    let at = |weight| order(example(rule, (weight, 0.7), 3));
    assert_eq!(at(0.9999), order(fuse(&words, &vectors, 1.0, Fusion::Score)));
    assert_eq!(at(0.0001)[0], 1, "words, and how close together they stand");
}

#[test]
fn what_is_missing_takes_nothing_away() {
    let (words, vectors) = legs();
    let only_words = Ranking::begin(&words, &Leg::default(), MINILM, (0.7, 0.7), 3).finish();
    let ids = |leg: &Leg| leg.ranked.iter().map(|chunk| chunk.chunk_id).collect::<Vec<_>>();
    assert_eq!(only_words.iter().map(|one| one.chunk_id).collect::<Vec<_>>(), ids(&words));
    let mut only_vectors = Ranking::begin(&Leg::default(), &vectors, MINILM, (0.7, 0.7), 3);
    only_vectors.close_together(&HashMap::new());
    only_vectors.feed_back(&HashMap::new());
    assert_eq!(only_vectors.all(), ids(&vectors));
    assert!(Ranking::begin(&Leg::default(), &Leg::default(), MINILM, (0.7, 0.7), 0).finish().is_empty());
}
