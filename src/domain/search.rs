//! What a search asks and answers. Built by `search`, served by the store, drawn by `ui`, printed by `cli`.

use serde::{Deserialize, Serialize};

use super::chunk::ChunkKind;
use super::document::SourceType;
pub use super::expression::Expression;
use super::ids::{ChunkId, DocumentId, ModelId};
use super::time::Timestamp;

/// One test a document passes or does not; what it has no value for (a date, a sender) it does not pass. Text comparisons
/// ignore case, in every script.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Predicate {
    /// Sender's (or author's) address or name contains this.
    From(String),
    /// Any to/cc/bcc address or name contains this.
    To(String),
    /// Any cc address or name contains this.
    Cc(String),
    /// Any bcc address or name contains this.
    Bcc(String),
    /// Any person of the document, whatever the role, contains this.
    With(String),
    /// Title contains this.
    Subject(String),
    /// Source kind.
    Type(SourceType),
    /// Source path contains this (`in:` and `path:`).
    Path(String),
    /// The name of the file it was read from, or of an attachment, contains this.
    File(String),
    /// That name, or an attachment's, ends with a dot and this.
    Extension(String),
    /// Has this id.
    Id(DocumentId),
    /// Has this Message-ID, written without angle brackets.
    MessageId(String),
    /// Has this tag, or one below it (`tag:a` matches `a/b`).
    Tag(String),
    /// Dated at or after this moment.
    DatedFrom(Timestamp),
    /// Dated before this moment.
    DatedBefore(Timestamp),
    /// Has at least one attachment.
    HasAttachment,
    /// Is deleted. Without a positive test of this kind, deleted documents never match.
    Deleted,
}

/// Alternatives, at least one of which must hold (or none, when negated).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Turns the test round.
    pub negated: bool,
    /// The alternatives; never empty.
    pub any_of: Vec<Predicate>,
}

/// What documents a search may return: every condition and the tree must hold. Empty means every live document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// The conditions.
    pub conditions: Vec<Condition>,
    /// What conditions in a row cannot say.
    pub tree: Option<Expression>,
}

impl Filter {
    /// Whether it lets every live document through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.tree.is_none()
    }

    /// The tree, when words have to be looked for to know which documents it means.
    #[must_use]
    pub fn words_tree(&self) -> Option<&Expression> {
        self.tree.as_ref().filter(|tree| tree.asks_words())
    }

    /// The tree, when the database alone can tell which documents it means.
    #[must_use]
    pub fn tests_tree(&self) -> Option<&Expression> {
        self.tree.as_ref().filter(|tree| !tree.asks_words())
    }

    /// Whether the user asked for deleted documents.
    #[must_use]
    pub fn wants_deleted(&self) -> bool {
        let is_asked = |condition: &Condition| !condition.negated && condition.any_of.contains(&Predicate::Deleted);
        self.conditions.iter().any(is_asked) || self.tree.as_ref().is_some_and(Expression::wants_deleted)
    }
}

/// What a word clause looks for; terms are as `search::terms` makes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WordMatch {
    /// One index term.
    Term(String),
    /// Every term that starts with this.
    Prefix(String),
    /// These terms next to each other, in order.
    Phrase(Vec<String>),
    /// Any of these, each one term or several next to each other: one clause, whichever of them it is that matches.
    Any(Vec<Vec<String>>),
}

/// Whether a word clause is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Occur {
    /// Adds to the score.
    Should,
    /// The chunk must match, and it adds to the score.
    Must,
    /// No chunk of the document may match.
    MustNot,
}

/// The words leg of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WordsQuery {
    /// The clauses; one that stands here several times counts so many times. A query without a `Should` or `Must` clause
    /// matches nothing.
    pub clauses: Vec<(Occur, WordMatch)>,
}

/// The weight of a term that `matching` of `total` texts hold: ln(1 + (N − n + 0.5) / (n + 0.5)), as BM25 has it.
#[must_use]
pub fn inverse_document_frequency(total: u64, matching: u64) -> f32 {
    let (total, matching) = (total.max(matching) as f64, matching as f64);
    (1.0 + (total - matching + 0.5) / (matching + 0.5)).ln() as f32
}

/// Which document comes first when dates decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ByDate {
    /// The newest.
    #[default]
    Newest,
    /// The oldest.
    Oldest,
}

/// A query vector in one model's space, with the line that maps its cosine onto a common scale:
/// `score = scale × cosine + offset`.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorQuery {
    /// The model that made `vector`.
    pub model: ModelId,
    /// Unit length.
    pub vector: Vec<f32>,
    /// Slope of the calibration line; 1.0 for the reference model.
    pub scale: f32,
    /// Offset of the calibration line; 0.0 for the reference model.
    pub offset: f32,
}

/// One candidate of one leg; higher scores are better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredChunk {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// BM25 (with the weight of the chunk's kind) for the words leg, calibrated cosine for the vector leg.
    pub score: f32,
}

/// Everything a hit shows of its chunk and document, read in one go.
#[derive(Clone, Debug, PartialEq)]
pub struct HitSource {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// What its text is to the document.
    pub kind: ChunkKind,
    /// Title of the document.
    pub title: String,
    /// Kind of source.
    pub source_type: SourceType,
    /// Where it was read from.
    pub source_path: String,
    /// Line in the source file, from 1.
    pub line: Option<u32>,
    /// Where in the document, as one line.
    pub place: String,
    /// The chunk's text.
    pub text: String,
    /// The document's own date.
    pub dated_at: Option<Timestamp>,
    /// Sender or author, as shown.
    pub from: Option<String>,
    /// Tags of the document.
    pub tags: Vec<String>,
    /// Set when deleted.
    pub deleted_at: Option<Timestamp>,
}

/// Which legs answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchMode {
    /// Words and meaning, fused.
    #[default]
    Hybrid,
    /// Words only (`lex:`).
    Words,
    /// Meaning only (`vec:`).
    Vectors,
}

impl SearchMode {
    /// The one that comes after this one when somebody goes through them.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Hybrid => Self::Words,
            Self::Words => Self::Vectors,
            Self::Vectors => Self::Hybrid,
        }
    }
}

/// One search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchRequest {
    /// The query as typed, 1 to 2000 characters.
    pub query: String,
    /// Documents wanted, 1 to 100.
    pub limit: usize,
    /// Documents passed over, for the pages behind the first.
    #[serde(default)]
    pub offset: usize,
    /// Legs, unless the query forces one.
    #[serde(default)]
    pub mode: SearchMode,
}

/// A chunk's place in one leg.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LegScore {
    /// Rank in the leg, from 1; `None` when only the score was computed afterwards.
    pub rank: Option<u32>,
    /// BM25 or calibrated cosine.
    pub score: f32,
}

/// Constants of the rule that looks at the query (`search::per_query`), fitted on judged sets with one family of them left
/// out each time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerQuery {
    /// What the best BM25 counts beside a cosine of 1.
    pub words: f32,
    /// How much less words count when the nearest vector is near.
    pub nearness: f32,
    /// How much more words count when BM25 tells few candidates from all others.
    pub steepness: f32,
    /// How much less words count in a long query.
    pub length: f32,
    /// What all words of the query close together count.
    pub window: f32,
    /// How far the query's vector is moved towards those of the best candidates.
    pub feedback: f32,
}

/// Why a hit stands where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Scores {
    /// The score hits are ordered by, 0 to 1 for the default fusion.
    pub fused: f32,
    /// Words leg.
    pub lexical: Option<LegScore>,
    /// Vector leg.
    pub vector: Option<LegScore>,
    /// Of the weight of the query's words, the part that stands close together, where it was looked at.
    pub window: Option<f32>,
    /// What likeness to the best candidates added to the cosine, where it was looked at.
    pub feedback: Option<f32>,
    /// Reranker, when one ran.
    pub rerank: Option<f32>,
}

/// A piece of text with the byte ranges that matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Snippet {
    /// One line of text, blanks folded.
    pub text: String,
    /// Byte ranges of `text`, in order, on character boundaries.
    pub marks: Vec<(usize, usize)>,
}

/// Another good place in the same document.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct OtherPlace {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Where it stands.
    pub place: String,
    /// Line in the source file, from 1.
    pub line: Option<u32>,
    /// Its text around the match.
    pub snippet: Snippet,
    /// Its scores.
    pub scores: Scores,
}

/// One document found, at its best place.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Hit {
    /// Place in the answer, from 1.
    pub rank: u32,
    /// The document.
    pub document_id: DocumentId,
    /// Its best chunk.
    pub chunk_id: ChunkId,
    /// Title.
    pub title: String,
    /// Kind of source.
    pub source_type: SourceType,
    /// Where it was read from.
    pub source_path: String,
    /// Line in the source file, from 1.
    pub line: Option<u32>,
    /// Where in the document.
    pub place: String,
    /// The document's own date.
    pub dated_at: Option<Timestamp>,
    /// Sender or author.
    pub from: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Set when deleted.
    pub deleted_at: Option<Timestamp>,
    /// The matched text.
    pub snippet: Snippet,
    /// Why it is here.
    pub scores: Scores,
    /// Up to three further places of the same document, best first.
    pub other_places: Vec<OtherPlace>,
    /// Other documents that show nearly the same text (copies, digests, quotes) and have no row of their own, best first.
    /// Empty when every document is to have one.
    pub alike: Vec<AlikeDocument>,
}

/// A document in the row of another that shows nearly the same.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AlikeDocument {
    /// The document.
    pub document_id: DocumentId,
    /// Title.
    pub title: String,
    /// Where it was read from.
    pub source_path: String,
    /// The document's own date.
    pub dated_at: Option<Timestamp>,
    /// Sender or author.
    pub from: Option<String>,
}

impl Hit {
    /// Every snippet, the best place's first.
    pub fn snippets(&self) -> impl Iterator<Item = &Snippet> {
        std::iter::once(&self.snippet).chain(self.other_places.iter().map(|place| &place.snippet))
    }
}

/// The answer to a search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SearchResponse {
    /// Best first.
    pub hits: Vec<Hit>,
    /// Whether a leg that was asked for could not answer.
    pub degraded: bool,
    /// Why, in words for the banner.
    pub degraded_reason: Option<String>,
    /// Things to tell the user about the query: an unknown filter taken as text, an impossible date.
    pub hints: Vec<String>,
    /// How many documents there are in all, where that is known: when the query names them (filters, exclusions, AND, OR,
    /// `sort:date`) and does not only rank them.
    pub total: Option<u64>,
    /// How many documents have words of the query, where it ranks them and they were counted. By words alone these are all
    /// that are found; by words and meaning, what is only like them in meaning comes on top.
    pub matching: Option<u64>,
    /// The `offset` of the next page; `None` on the last. Documents that stand in a row of this page are passed over.
    pub next_offset: Option<usize>,
    /// A corrected query, when a word matched nothing.
    pub did_you_mean: Option<String>,
    /// Fraction of texts that the serving model has vectors for, 0 to 1.
    pub semantic_coverage: f32,
    /// Model that served the vector leg.
    pub model: Option<ModelId>,
    /// Time the search took.
    pub elapsed_ms: f64,
    /// What a screen marks in the documents: the words that were looked for, without filters and exclusions.
    #[serde(skip)]
    pub sought: Box<Sought>,
}

/// What is marked in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Index terms.
    pub terms: Vec<String>,
    /// Beginnings of words, folded.
    pub prefixes: Vec<String>,
}

impl SearchResponse {
    /// What a degraded answer rests on, and why; `None` when it is not degraded.
    #[must_use]
    pub fn banner(&self) -> Option<String> {
        let reason = self.degraded_reason.as_deref().unwrap_or("the embedder does not answer");
        let rests_on =
            self.model.as_ref().map_or_else(|| "words only".to_owned(), |model| format!("words and {model} only"));
        self.degraded.then(|| format!("{rests_on}: {reason}"))
    }
}
