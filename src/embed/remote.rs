//! What embedders behind HTTP share: prefixes per model family, checks of what comes back. Pure. Called by `ollama` and
//! `openai`.

use serde_json::Value;

use super::{EmbedText, FusionProfile, FusionRule};

/// For a model nobody tuned: z-scores need no scale, and an even weight is safe (`docs/BENCHMARKS.md`).
pub(super) const UNTUNED: FusionProfile =
    FusionProfile { vector_weight: 0.5, calibration: (1.0, 0.0), floor: None, rule: FusionRule::ZScore };

/// What a model family wants before a document and before a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefixes {
    /// Before a document.
    pub(super) document: &'static str,
    /// Before a query.
    pub(super) query: &'static str,
}

const REPRESENT: &str = "Represent this sentence for searching relevant passages: ";

/// Families by the start of the model's name, the longer names first; as their model cards say.
const FAMILIES: &[(&str, Prefixes)] = &[
    ("nomic-embed-text", Prefixes { document: "search_document: ", query: "search_query: " }),
    ("mxbai-embed", Prefixes { document: "", query: REPRESENT }),
    ("multilingual-e5", Prefixes { document: "passage: ", query: "query: " }),
    ("e5-", Prefixes { document: "passage: ", query: "query: " }),
    ("bge-m3", Prefixes { document: "", query: "" }),
    ("bge-", Prefixes { document: "", query: REPRESENT }),
    ("snowflake-arctic-embed2", Prefixes { document: "", query: "query: " }),
    ("snowflake-arctic-embed", Prefixes { document: "", query: REPRESENT }),
    ("embeddinggemma", Prefixes { document: "title: none | text: ", query: "task: search result | query: " }),
];

/// The prefixes of a model; none for a family that is not known. A namespace (`library/`) and a tag (`:v1.5`) do not matter.
pub(super) fn prefixes(model: &str) -> Prefixes {
    let name = model.rsplit('/').next().unwrap_or(model).to_lowercase();
    let family = FAMILIES.iter().find(|(family, _)| name.starts_with(family));
    family.map_or(Prefixes { document: "", query: "" }, |(_, prefixes)| *prefixes)
}

/// Context and text as the model shall read them.
pub(super) fn document(prefixes: Prefixes, text: EmbedText<'_>) -> String {
    let separator = if text.context.is_empty() { "" } else { "\n" };
    format!("{}{}{separator}{}", prefixes.document, text.context, text.text)
}

/// One vector as it came, made unit length; `Ok(None)` when it has no direction.
///
/// # Errors
/// In words, when it is not a vector of `dimension` numbers (any length, if that is 0).
pub(super) fn unit_vector(value: &Value, dimension: usize) -> Result<Option<Vec<f32>>, String> {
    let numbers = value.as_array().ok_or("the answer holds something that is not a vector")?;
    if numbers.is_empty() || (dimension > 0 && numbers.len() != dimension) {
        return Err(format!("a vector of {} numbers came back where {dimension} were expected", numbers.len()));
    }
    let read: Option<Vec<f32>> = numbers.iter().map(|number| number.as_f64().map(|x| x as f32)).collect();
    let mut vector = read.ok_or("the answer holds a vector with something that is not a number")?;
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !norm.is_finite() || norm < 1e-12 {
        return Ok(None);
    }
    for x in &mut vector {
        *x /= norm;
    }
    Ok(Some(vector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_known_by_name_whatever_the_tag() {
        assert_eq!(prefixes("nomic-embed-text:v1.5").query, "search_query: ");
        assert_eq!(prefixes("library/mxbai-embed-large").query, REPRESENT);
        assert_eq!(prefixes("intfloat/multilingual-e5-large").document, "passage: ");
        assert_eq!(prefixes("bge-m3:latest").query, "");
        assert_eq!(prefixes("bge-large").query, REPRESENT);
        assert_eq!(prefixes("all-minilm").document, "");
    }

    #[test]
    fn vectors_are_checked_and_made_unit_length() {
        assert_eq!(unit_vector(&serde_json::json!([3.0, 4.0]), 2).unwrap(), Some(vec![0.6, 0.8]));
        assert_eq!(unit_vector(&serde_json::json!([0.0, 0.0]), 2).unwrap(), None);
        assert!(unit_vector(&serde_json::json!([1.0]), 2).unwrap_err().contains("1 numbers"));
        assert!(unit_vector(&serde_json::json!(["x"]), 1).is_err());
        assert!(unit_vector(&serde_json::json!("x"), 1).is_err());
    }
}
