//! `peanut search QUERY [--json|--jsonl]`: exit 0 with hits, 1 without.
//!
//! The query may hold words with a `-` before them: `words` tells them from options before anything else is parsed.

use clap::{Args, ValueEnum};
use color_eyre::eyre;

use crate::config::Config;
use crate::domain::search::{Hit, SearchMode, SearchRequest, SearchResponse};
use crate::runtime::wiring::House;
use crate::search::service::{Alike, Who, Wishes};

use super::{EXIT_NONE, EXIT_OK, output, runtime};

#[derive(Args, Debug)]
pub(super) struct SearchArgs {
    /// Words, "phrases", +must, -not, word*, AND, OR, NOT, ( ), and filters: from: to: cc: bcc: with: subject: type: in:
    /// file: ext: tag: before: after: date: has:attachment is:deleted id: mid: sort:date. Words with a - before them are
    /// query, too: -draft, -type:html
    #[arg(required = true, num_args = 1..)]
    query: Vec<String>,
    /// Documents wanted, 1 to 100
    #[arg(short = 'n', long, default_value_t = 10)]
    limit: usize,
    /// Documents passed over, for the pages behind the first
    #[arg(long, default_value_t = 0)]
    offset: usize,
    /// A row for each document, for copies and quotes of another one too
    #[arg(long)]
    each: bool,
    /// Which legs answer
    #[arg(long, value_enum, default_value_t = Mode::Hybrid)]
    mode: Mode,
    /// One JSON object with all hits and what degraded the answer
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// One JSON object per hit and line
    #[arg(long)]
    jsonl: bool,
    /// Show how each hit got its place
    #[arg(long)]
    why: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Hybrid,
    Words,
    Vectors,
}

pub(super) fn run(config: Config, arguments: SearchArgs) -> eyre::Result<u8> {
    let mode = match arguments.mode {
        Mode::Hybrid => SearchMode::Hybrid,
        Mode::Words => SearchMode::Words,
        Mode::Vectors => SearchMode::Vectors,
    };
    let (limit, offset) = (arguments.limit, arguments.offset);
    let request = SearchRequest { query: arguments.query.join(" "), limit, offset, mode };
    let alike = if arguments.each { Alike::Apart } else { Alike::Together };
    let wishes = Wishes { alike, count: true };
    let response = runtime()?.block_on(async {
        let house = House::open(config).await?;
        let answer = house.search.search_as(Who::Here, &request, wishes).await;
        house.leave().await;
        Ok::<_, eyre::Report>(answer?)
    })?;
    print(&response, &arguments)?;
    Ok(if response.hits.is_empty() { EXIT_NONE } else { EXIT_OK })
}

fn print(response: &SearchResponse, arguments: &SearchArgs) -> eyre::Result<()> {
    if arguments.json {
        return output::json(response);
    }
    if let Some(banner) = response.banner() {
        output::note(format!("peanut: {banner}"));
    }
    for hint in &response.hints {
        output::note(format!("peanut: {hint}"));
    }
    if let Some(better) = &response.did_you_mean {
        output::note(format!("peanut: did you mean: {better}"));
    }
    for hit in &response.hits {
        if arguments.jsonl { output::json_line(hit)? } else { print_hit(hit, arguments.why)? }
    }
    let shown = response.hits.iter().map(|hit| 1 + hit.alike.len()).sum();
    if let Some(page) = page(response, arguments.offset, shown) {
        output::note(format!("peanut: {page}"));
    }
    Ok(())
}

/// Which part of the answer this is, when it is not all of it: `11 to 20 of 134; next page: --offset 20`.
fn page(response: &SearchResponse, offset: usize, shown: usize) -> Option<String> {
    if shown == 0 || (offset == 0 && response.next_offset.is_none()) {
        return None;
    }
    let of = match (response.total, response.matching) {
        (Some(total), _) => format!(" of {total}"),
        (None, Some(1)) => "; 1 document has words of the query".to_owned(),
        (None, Some(matching)) => format!("; {matching} documents have words of the query"),
        (None, None) => String::new(),
    };
    let next = response.next_offset.map(|next| format!("; next page: --offset {next}")).unwrap_or_default();
    Some(format!("{} to {}{of}{next}", offset + 1, offset + shown))
}

fn print_hit(hit: &Hit, why: bool) -> eyre::Result<()> {
    let about = [hit.source_type.as_str(), hit.from.as_deref().unwrap_or(""), &output::date(hit.dated_at)]
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(" · ");
    let rank = format!("{:>2}", hit.rank);
    let (plain, bold, faint) = (output::plain, output::bold, output::faint);
    output::styled(&[plain(&rank), plain(" "), bold(&hit.title), plain("  "), faint(&about)])?;
    let place = hit.line.map_or_else(|| hit.source_path.clone(), |line| format!("{}:{line}", hit.source_path));
    let heading = if hit.place.is_empty() { String::new() } else { format!("  {}", hit.place) };
    output::styled(&[plain("   "), faint(&place), faint(&heading)])?;
    output::styled(&marked(hit))?;
    if !hit.alike.is_empty() {
        let of = if hit.alike.len() == 1 { "document shows" } else { "documents show" };
        let told = format!("   and {} other {of} nearly the same (--each lists them)", hit.alike.len());
        output::styled(&[faint(&told)])?;
    }
    if why {
        for line in crate::search::service::explain(hit) {
            output::styled(&[plain("   "), faint(&line)])?;
        }
    }
    Ok(())
}

/// The snippet with its matches in bold on a terminal.
fn marked(hit: &Hit) -> Vec<output::Span<'_>> {
    let text = &hit.snippet.text;
    let mut spans = vec![output::plain("   ")];
    let mut position = 0;
    for &(start, end) in &hit.snippet.marks {
        if let (Some(before), Some(word)) = (text.get(position..start), text.get(start..end)) {
            spans.push(output::plain(before));
            spans.push(output::bold(word));
            position = end;
        }
    }
    spans.push(output::plain(text.get(position..).unwrap_or_default()));
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_is_of() {
        let mut response = SearchResponse::default();
        assert_eq!(page(&response, 20, 0), None, "nothing is there");
        assert_eq!(page(&response, 0, 7), None, "all there is");
        response.total = Some(134);
        response.next_offset = Some(20);
        assert_eq!(page(&response, 10, 10).as_deref(), Some("11 to 20 of 134; next page: --offset 20"));
        (response.total, response.matching, response.next_offset) = (None, Some(17), None);
        assert_eq!(page(&response, 10, 10).as_deref(), Some("11 to 20; 17 documents have words of the query"));
    }
}
