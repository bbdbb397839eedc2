//! Search quality on judged collections in BEIR's layout, measured through the same service people use.
//!
//! Reads folders and runs queries; taking the corpus in is the caller's (`peanut eval`), through the ordinary pipeline.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::search::{SearchMode, SearchRequest};

use super::metrics::{Judgements, ndcg, recall, reciprocal_rank};
use super::query::LONGEST_QUERY;
use super::service::{SearchError, SearchService};

/// Documents ranked per query: what Recall@100 needs.
const DEPTH: usize = 100;

/// Why an evaluation cannot run.
#[derive(Debug, Error)]
pub enum EvaluationError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not what it should be.
    #[error("{}, line {line}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why.
        message: String,
    },
    /// A search failed.
    #[error(transparent)]
    Search(#[from] SearchError),
}

/// One document of a corpus.
#[derive(Clone, Debug, Deserialize)]
pub struct CorpusDocument {
    /// Its id in the judgements.
    #[serde(rename = "_id")]
    pub id: String,
    /// Title; may be empty.
    #[serde(default)]
    pub title: String,
    /// Text; may be empty.
    #[serde(default)]
    pub text: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Query {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

/// A judged collection.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Name of its folder.
    pub name: String,
    /// Its documents.
    pub corpus: Vec<CorpusDocument>,
    queries: Vec<Query>,
    judgements: HashMap<String, Judgements>,
}

/// Means over all judged queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// nDCG@10.
    pub ndcg_10: f64,
    /// Recall@5.
    pub recall_5: f64,
    /// Recall@100.
    pub recall_100: f64,
    /// MRR@10.
    pub mrr_10: f64,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The collection.
    pub collection: String,
    /// Judged queries.
    pub queries: usize,
    /// Words only.
    pub words: Measures,
    /// Meaning only.
    pub vectors: Measures,
    /// Both.
    pub hybrid: Measures,
    /// Both, with other weights of the vector leg; empty unless asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sweep: Vec<(f32, Measures)>,
}

impl Collection {
    /// Reads `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` (or `qrels/test.tsv`) of a folder.
    ///
    /// # Errors
    /// Names the file, and the line when that is what is wrong.
    pub fn read(folder: &Path) -> Result<Self, EvaluationError> {
        let name =
            folder.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned());
        let single = folder.join("qrels.tsv");
        let qrels = if single.exists() { single } else { folder.join("qrels/test.tsv") };
        Ok(Self {
            name,
            corpus: lines(&folder.join("corpus.jsonl"))?,
            queries: lines(&folder.join("queries.jsonl"))?,
            judgements: judgements(&qrels)?,
        })
    }

    /// Runs every judged query in all three modes. `document_name` tells which corpus document a hit's path stands for.
    ///
    /// # Errors
    /// When a search fails.
    pub async fn evaluate(
        &self,
        service: &SearchService,
        document_name: impl Fn(&str) -> String,
    ) -> Result<Report, EvaluationError> {
        Ok(Report {
            collection: self.name.clone(),
            queries: self.judged().count(),
            words: self.measure(service, SearchMode::Words, &document_name).await?,
            vectors: self.measure(service, SearchMode::Vectors, &document_name).await?,
            hybrid: self.measure(service, SearchMode::Hybrid, &document_name).await?,
            sweep: Vec::new(),
        })
    }

    /// Runs every judged query in one mode; means over the queries.
    ///
    /// # Errors
    /// When a search fails.
    pub async fn measure(
        &self,
        service: &SearchService,
        mode: SearchMode,
        document_name: impl Fn(&str) -> String,
    ) -> Result<Measures, EvaluationError> {
        let mut sum = Measures::default();
        for query in self.judged() {
            let judgements = &self.judgements[&query.id];
            let text = plain(&query.text);
            let response = service.search(&SearchRequest { query: text, limit: DEPTH, offset: 0, mode }).await?;
            let ranking: Vec<String> = response.hits.iter().map(|hit| document_name(&hit.source_path)).collect();
            sum.ndcg_10 += ndcg(&ranking, judgements, 10);
            sum.recall_5 += recall(&ranking, judgements, 5);
            sum.recall_100 += recall(&ranking, judgements, 100);
            sum.mrr_10 += reciprocal_rank(&ranking, judgements, 10);
        }
        let count = self.judged().count().max(1) as f64;
        Ok(Measures {
            ndcg_10: sum.ndcg_10 / count,
            recall_5: sum.recall_5 / count,
            recall_100: sum.recall_100 / count,
            mrr_10: sum.mrr_10 / count,
        })
    }

    fn judged(&self) -> impl Iterator<Item = &Query> {
        self.queries.iter().filter(|query| self.judgements.contains_key(&query.id))
    }
}

/// The query as prose: punctuation stays, what the query language would take for an operator goes.
fn plain(query: &str) -> String {
    let text: String = query.chars().map(|c| if matches!(c, '"' | ':' | '*') { ' ' } else { c }).collect();
    let words = text.split_whitespace().map(|word| word.trim_start_matches(['+', '-'])).filter(|word| *word != "OR");
    let word = |word: &str| if matches!(word, "AND" | "NOT") { word.to_lowercase() } else { word.to_owned() };
    words.map(word).collect::<Vec<_>>().join(" ").chars().take(LONGEST_QUERY).collect()
}

fn read(path: &Path) -> Result<String, EvaluationError> {
    std::fs::read_to_string(path).map_err(|source| EvaluationError::Unreadable { path: path.to_owned(), source })
}

fn lines<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>, EvaluationError> {
    let text = read(path)?;
    let filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    filled
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| EvaluationError::Invalid {
                path: path.to_owned(),
                line: index + 1,
                message: error.to_string(),
            })
        })
        .collect()
}

/// `query-id  corpus-id  score` per line, tab-separated, with or without that header.
fn judgements(path: &Path) -> Result<HashMap<String, Judgements>, EvaluationError> {
    let mut all: HashMap<String, Judgements> = HashMap::new();
    for (index, line) in read(path)?.lines().enumerate() {
        let fields: Vec<&str> = line.split('\t').collect();
        if line.trim().is_empty() || (index == 0 && fields.last() == Some(&"score")) {
            continue;
        }
        let invalid = || EvaluationError::Invalid {
            path: path.to_owned(),
            line: index + 1,
            message: format!("{line:?} is not query, document and score"),
        };
        let [query, document, score] = fields[..] else { return Err(invalid()) };
        let score: i64 = score.trim().parse().map_err(|_| invalid())?;
        all.entry(query.to_owned()).or_default().insert(document.to_owned(), u32::try_from(score).unwrap_or(0));
    }
    Ok(all)
}
