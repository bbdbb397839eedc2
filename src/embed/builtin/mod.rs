//! The two models inside the binary: [`StaticModel`] (instant) and [`MiniLm`] (better, in the background).
//!
//! Their vectors live in different spaces and are never compared; `FusionProfile::calibration` only maps scores.

mod minilm;
mod static_model;

pub use minilm::MiniLm;
pub use static_model::StaticModel;

/// Makes a vector unit length; `None` when it is (nearly) zero and has no direction.
fn normalised(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !norm.is_finite() || norm < 1e-12 {
        return None;
    }
    for x in &mut vector {
        *x /= norm;
    }
    Some(vector)
}

/// Context and text as one string, the way both models read a chunk.
fn joined(text: super::EmbedText<'_>) -> String {
    if text.context.is_empty() { text.text.to_owned() } else { format!("{}\n{}", text.context, text.text) }
}
