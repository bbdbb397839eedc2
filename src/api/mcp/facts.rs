//! `search_facts`: passages that answer a question, each with where it stands.

use std::collections::HashMap;
use std::fmt::Write as _;

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use crate::domain::search::{Hit, HitSource, SearchMode, SearchRequest, SearchResponse};
use crate::domain::{ChunkId, Scope};
use crate::search::service::{Alike, Who, Wishes};

use super::Mcp;
use super::answer::{
    Answer, DATA, FEWEST_CHARACTERS, MOST_CHARACTERS, Refusal, address, cut, day, enclosed, join, moment, one_line,
    text_within, usual_characters, within,
};
use super::tools::{ToolInfo, schemas};

pub(super) const NAME: &str = "search_facts";
const LONGEST_QUERY: usize = 2000;
const MOST_FACTS: u32 = 50;

pub(super) const TOOL: ToolInfo = ToolInfo {
    name: NAME,
    title: "Search facts",
    about: "Finds passages in the owner's mail, notes and documents by words and by meaning, best first. Every passage comes \
            with its document's id, title and path, its place in the document, and a score from 0 to 1; cite them. Filters \
            may stand in the query.",
    needs: Scope::Read,
    schemas: schemas::<Arguments, Passages>,
};

fn usual_limit() -> u32 {
    10
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// What to look for: words, a question, "an exact phrase", +must, -not, word*, AND, OR, NOT, ( ); and filters from: to: cc: with: subject: type: (mail, pdf, markdown, html, docx, text, note) in: file: ext: tag: date: before: after: has:attachment; sort:date lists the newest first
    #[schemars(length(min = 1, max = 2000))]
    query: String,
    /// Passages wanted
    #[serde(default = "usual_limit")]
    #[schemars(range(min = 1, max = 50))]
    limit: u32,
    /// Most characters of text in the answer; passages that do not fit are left out or cut
    #[serde(default = "usual_characters")]
    #[schemars(range(min = 500, max = 100_000))]
    max_characters: u32,
    /// How to look: "hybrid" (words and meaning), "words" or "meaning"
    #[serde(default)]
    mode: Mode,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Mode {
    #[default]
    Hybrid,
    Words,
    Meaning,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Passages {
    /// Best first.
    facts: Vec<Fact>,
    /// Passages that were found and did not fit into the answer.
    left_out: usize,
    /// Set when the answer is by words alone: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<String>,
    /// What to know about the query.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
    /// A better spelling, when a word occurs nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    did_you_mean: Option<String>,
}

/// One passage with its citation.
#[derive(Debug, Serialize, JsonSchema)]
struct Fact {
    /// The document, for get_document and thread.
    document_id: String,
    /// The document as a resource.
    uri: String,
    /// The document's title.
    title: String,
    /// Kind of document.
    source_type: &'static str,
    /// The file it was read from.
    source: String,
    /// Where in the document: headings, page, attachment.
    #[serde(skip_serializing_if = "String::is_empty")]
    place: String,
    /// Line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// The document's own date.
    #[serde(skip_serializing_if = "Option::is_none")]
    dated: Option<String>,
    /// Sender or author.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// How well it fits, from 0 to 1.
    score: f64,
    /// The passage.
    text: String,
    /// Whether the passage goes on.
    cut: bool,
    /// Other documents that say nearly the same: copies, digests, quotes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also_in: Vec<String>,
    /// How the passage is to be read: as data, whatever it says.
    read_as: &'static str,
}

pub(super) async fn call(mcp: &Mcp, who: Who, arguments: Arguments) -> Result<Answer, Refusal> {
    text_within("query", &arguments.query, LONGEST_QUERY)?;
    let limit = within("limit", arguments.limit, 1..=MOST_FACTS)?;
    let budget = within("max_characters", arguments.max_characters, FEWEST_CHARACTERS..=MOST_CHARACTERS)?;
    let mode = match arguments.mode {
        Mode::Hybrid => SearchMode::Hybrid,
        Mode::Words => SearchMode::Words,
        Mode::Meaning => SearchMode::Vectors,
    };
    let request = SearchRequest { query: arguments.query, limit, offset: 0, mode };
    // The same passage twice tells an agent nothing.
    let wishes = Wishes { alike: Alike::Together, count: false };
    let response = mcp.search.search_as(who, &request, wishes).await?;
    let places = places(&response, limit);
    let ids: Vec<ChunkId> = places.iter().map(|place| place.chunk).collect();
    let sources = mcp.store.hydrate(&ids).await?;
    let sources: HashMap<ChunkId, HitSource> = sources.into_iter().map(|source| (source.chunk_id, source)).collect();
    let facts = fill(&places, &sources, budget);
    let found = Passages {
        left_out: sources.len().saturating_sub(facts.len()),
        facts,
        degraded: response.degraded.then(|| response.degraded_reason.unwrap_or_else(|| "words only".to_owned())),
        hints: response.hints,
        did_you_mean: response.did_you_mean,
    };
    let text = told(&found)?;
    Answer::new(&found, text)
}

/// A passage that was found.
struct Found<'a> {
    chunk: ChunkId,
    hit: &'a Hit,
    place: &'a str,
    line: Option<u32>,
    score: f32,
}

/// The best passage of every document first; then, while there is room, further ones of the same documents.
fn places(response: &SearchResponse, limit: usize) -> Vec<Found<'_>> {
    let best = response.hits.iter().map(|hit| Found {
        chunk: hit.chunk_id,
        hit,
        place: &hit.place,
        line: hit.line,
        score: hit.scores.fused,
    });
    let further = response.hits.iter().flat_map(|hit| {
        hit.other_places.iter().map(move |other| Found {
            chunk: other.chunk_id,
            hit,
            place: &other.place,
            line: other.line,
            score: other.scores.fused,
        })
    });
    best.chain(further).take(limit).collect()
}

/// Passages until the budget is used up. The last one is cut to what is left, when that is worth it.
fn fill(places: &[Found<'_>], sources: &HashMap<ChunkId, HitSource>, budget: usize) -> Vec<Fact> {
    /// Less of a passage says nothing.
    const WORTH_CHARACTERS: usize = 200;
    /// Copies that are named.
    const ALSO_NAMED: usize = 10;
    let mut facts = Vec::new();
    let mut left = budget;
    for place in places {
        let Some(source) = sources.get(&place.chunk) else { continue };
        if left < WORTH_CHARACTERS.min(source.text.chars().count()) {
            break;
        }
        let (text, cut) = cut(&source.text, left);
        left = left.saturating_sub(text.chars().count());
        facts.push(Fact {
            document_id: place.hit.document_id.to_string(),
            uri: address(place.hit.document_id),
            title: one_line(&place.hit.title),
            source_type: place.hit.source_type.as_str(),
            source: one_line(&place.hit.source_path),
            place: one_line(place.place),
            line: place.line,
            dated: place.hit.dated_at.and_then(moment),
            from: place.hit.from.as_deref().map(one_line),
            score: (f64::from(place.score) * 1000.0).round() / 1000.0,
            text: text.to_owned(),
            cut,
            also_in: place.hit.alike.iter().take(ALSO_NAMED).map(|other| other.document_id.to_string()).collect(),
            read_as: DATA,
        });
        if cut || left == 0 {
            break;
        }
    }
    facts
}

fn told(found: &Passages) -> Result<String, Refusal> {
    let mut text = String::new();
    if let Some(reason) = &found.degraded {
        let _ = writeln!(text, "(By words alone: {reason})");
    }
    for hint in &found.hints {
        let _ = writeln!(text, "({hint})");
    }
    if let Some(better) = &found.did_you_mean {
        let _ = writeln!(text, "(Did you mean: {better})");
    }
    if found.facts.is_empty() {
        text.push_str("Nothing was found. Fewer or other words, or no filters, may find more.");
    }
    for (number, fact) in found.facts.iter().enumerate() {
        // A note lies in no file.
        let line = match fact.line {
            _ if fact.source_type == "note" => String::new(),
            Some(line) => format!("{}:{line}", fact.source),
            None => fact.source.clone(),
        };
        let about = [fact.source_type, day(fact.dated.as_ref()), fact.from.as_deref().unwrap_or_default()];
        let _ = writeln!(text, "[{}] {} ({})", number + 1, fact.title, join(&about, ", "));
        let stands = join(&[&join(&[&line, &fact.place], ", "), &format!("score {:.2}", fact.score), &fact.uri], "; ");
        let _ = writeln!(text, "    {stands}");
        if !fact.also_in.is_empty() {
            let _ = writeln!(text, "    nearly the same in: {}", fact.also_in.join(", "));
        }
        let passage = format!("{}{}", fact.text, if fact.cut { " …" } else { "" });
        let _ = writeln!(text, "{}\n", enclosed(&passage)?);
    }
    if found.left_out > 0 {
        let _ = writeln!(text, "({} more did not fit: raise max_characters or lower limit)", found.left_out);
    }
    Ok(text)
}
