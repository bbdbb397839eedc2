//! One vector per word piece; a text's vector is the normalised sum. Fast enough to run inside the parser's loop.

use std::ops::Range;

use async_trait::async_trait;
use safetensors::SafeTensors;

use crate::domain::{ModelId, wordpiece};
use crate::embed::{EmbedError, EmbedErrorKind, EmbedText, Embedder, FusionProfile, FusionRule, InstantEmbedder};

use super::{joined, normalised};

/// Length of the vectors.
const DIMENSION: usize = 256;
/// Weight of the vector leg, measured (`docs/BENCHMARKS.md`).
const VECTOR_WEIGHT: f32 = 0.58;
/// Measured with words of no language and of others against the judged sets (`docs/BENCHMARKS.md`).
const FLOOR: f32 = 0.37;

/// The pieces that most texts are made of: signs, and the first words of a vocabulary that is ordered by frequency. Their
/// rows lie ready as numbers, half a MiB of them; all would be 31.
const FREQUENT: [Range<usize>; 2] = [999..1037, 1996..2508];

static FILE: &[u8] = include_bytes!("../../../assets/static-256-int8.safetensors");

/// The static model. Borrows its table from the binary; making one costs microseconds.
#[derive(Debug)]
pub struct StaticModel {
    model: ModelId,
    /// i8 `[pieces, 256]`, as bytes.
    rows: &'static [u8],
    /// f32 little-endian `[pieces]`, as bytes (the file guarantees no alignment).
    scales: &'static [u8],
    /// The rows of [`FREQUENT`] pieces, each times its scale, one range after the other.
    frequent: Vec<f32>,
}

impl StaticModel {
    /// Opens the table inside the binary.
    ///
    /// # Errors
    /// `Permanent` when the file inside the binary is not what it should be.
    pub fn open() -> Result<Self, EmbedError> {
        let model = ModelId::from("static-256");
        let wrong = |message: String| EmbedError {
            kind: EmbedErrorKind::Permanent,
            operation: "load model".into(),
            model: ModelId::from("static-256"),
            message,
            retry_after: None,
        };
        let file = SafeTensors::deserialize(FILE).map_err(|error| wrong(error.to_string()))?;
        let rows = file.tensor("embeddings").map_err(|error| wrong(error.to_string()))?.data();
        let scales = file.tensor("scales").map_err(|error| wrong(error.to_string()))?.data();
        if rows.len() / DIMENSION != scales.len() / 4 || rows.is_empty() {
            return Err(wrong(format!("{} bytes of rows for {} bytes of scales", rows.len(), scales.len())));
        }
        let mut opened = Self { model, rows, scales, frequent: Vec::new() };
        let mut frequent = Vec::with_capacity(FREQUENT.iter().map(ExactSizeIterator::len).sum::<usize>() * DIMENSION);
        for id in FREQUENT.into_iter().flatten() {
            let mut row = [0.0; DIMENSION];
            opened.add(id, &mut row);
            frequent.extend(row);
        }
        opened.frequent = frequent;
        Ok(opened)
    }

    /// Adds a piece's row, times its scale; nothing for a piece that the table does not have.
    fn add(&self, id: usize, sum: &mut [f32; DIMENSION]) {
        let (Some(row), Some(scale)) =
            (self.rows.get(id * DIMENSION..(id + 1) * DIMENSION), self.scales.get(id * 4..id * 4 + 4))
        else {
            return;
        };
        let scale = scale.try_into().map_or(0.0, f32::from_le_bytes);
        for (total, weight) in sum.iter_mut().zip(row) {
            *total += scale * f32::from(weight.cast_signed());
        }
    }

    /// The row of a frequent piece.
    fn frequent(&self, id: usize) -> Option<&[f32; DIMENSION]> {
        let mut before = 0;
        for range in FREQUENT {
            if range.contains(&id) {
                let start = (before + id - range.start) * DIMENSION;
                return self.frequent.get(start..start + DIMENSION)?.try_into().ok();
            }
            before += range.len();
        }
        None
    }

    fn vector(&self, text: &str) -> Option<Vec<f32>> {
        self.of_pieces(wordpiece::ids(text).into_iter().map(|id| id as usize))
    }

    fn of_pieces(&self, ids: impl Iterator<Item = usize>) -> Option<Vec<f32>> {
        let mut sum = [0.0_f32; DIMENSION];
        for id in ids {
            if let Some(row) = self.frequent(id) {
                sum.iter_mut().zip(row).for_each(|(total, weight)| *total += weight);
            } else {
                self.add(id, &mut sum);
            }
        }
        normalised(sum.to_vec())
    }
}

impl InstantEmbedder for StaticModel {
    fn model(&self) -> &ModelId {
        &self.model
    }
    fn dimension(&self) -> usize {
        DIMENSION
    }
    fn embed_now(&self, text: EmbedText<'_>) -> Option<Vec<f32>> {
        self.vector(&joined(text))
    }
    fn embed_pieces(&self, context: &str, pieces: &[u16]) -> Option<Vec<f32>> {
        let context = wordpiece::ids(context);
        self.of_pieces(context.into_iter().map(|id| id as usize).chain(pieces.iter().map(|id| usize::from(*id))))
    }
}

#[async_trait]
impl Embedder for StaticModel {
    fn model(&self) -> &ModelId {
        &self.model
    }
    fn dimension(&self) -> usize {
        DIMENSION
    }
    fn profile(&self) -> FusionProfile {
        // By the query, as MiniLM's: cacm +.010, cranfield +.004, cisi −.008; and other sets lose as well.
        let rule = FusionRule::Score;
        FusionProfile { vector_weight: VECTOR_WEIGHT, calibration: (1.0, 0.0), floor: Some(FLOOR), rule }
    }
    async fn embed_documents(&self, texts: &[EmbedText<'_>]) -> Result<Vec<Option<Vec<f32>>>, EmbedError> {
        Ok(texts.iter().map(|text| self.embed_now(*text)).collect())
    }
    async fn embed_query(&self, query: &str) -> Result<Option<Vec<f32>>, EmbedError> {
        Ok(self.vector(query))
    }
    async fn ping(&self) -> Result<String, EmbedError> {
        Ok(format!("{} ready, {DIMENSION} dimensions", self.model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        let model = StaticModel::open().unwrap();
        let (a, b) = (model.vector(a).unwrap(), model.vector(b).unwrap());
        a.iter().zip(&b).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn related_texts_are_nearer_than_unrelated_ones() {
        assert!(cosine("the dog barks", "a puppy is barking") > cosine("the dog barks", "interest rates rise") + 0.2);
    }

    #[test]
    fn known_pieces_give_the_vector_of_the_text() {
        let model = StaticModel::open().unwrap();
        for (context, text) in [("", "hello world"), ("A title\nFrom Dora", "Ünïcode, x86_64 …"), ("only", "")] {
            let by_text = model.embed_now(EmbedText { context, text });
            assert_eq!(model.embed_pieces(context, &wordpiece::pieces(text)), by_text, "{context:?} {text:?}");
        }
    }

    #[test]
    fn frequent_pieces_weigh_what_they_weigh() {
        let model = StaticModel::open().unwrap();
        for id in FREQUENT.into_iter().flatten().step_by(7) {
            let mut row = [0.0; DIMENSION];
            model.add(id, &mut row);
            assert_eq!(model.frequent(id), Some(&row), "{id}");
        }
        assert_eq!((model.frequent(998), model.frequent(1037), model.frequent(2508)), (None, None, None));
    }

    #[test]
    fn vectors_have_unit_length_and_nothing_has_none() {
        let model = StaticModel::open().unwrap();
        let vector = model.vector("hello world").unwrap();
        assert!((vector.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(model.vector("\u{1f600}"), None);
        assert_eq!(model.vector(""), None);
    }
}
