//! `peanut why FILE`: what became of a file, and why. Exit 1 when Peanut never saw it.

use std::path::PathBuf;

use clap::Args;
use color_eyre::eyre::{self, WrapErr};

use crate::config::Config;
use crate::domain::intake::FileRecord;
use crate::ingest::intake::paths;
use crate::runtime::wiring::House;
use crate::store::{DeletedDocument, DeletedOf};

use super::{EXIT_NONE, EXIT_OK, output, runtime};

/// Deleted documents of one file that are counted.
const MOST_DELETED: u32 = 100_000;

#[derive(Args, Debug)]
pub(super) struct WhyArgs {
    /// The file
    file: PathBuf,
    /// The ledger row and its documents, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Config, arguments: &WhyArgs) -> eyre::Result<u8> {
    let path = std::path::absolute(&arguments.file).wrap_err("cannot make the path absolute")?;
    let path = paths::text_of(&path);
    let (record, documents, deleted) = runtime()?.block_on(async {
        let house = House::open(config).await?;
        let record = house.store.file(&path).await?;
        let documents = house.store.documents_of_file(&path).await?;
        let deleted = house.store.deleted(DeletedOf::Path(&path), MOST_DELETED).await?;
        house.leave().await;
        Ok::<_, eyre::Report>((record, documents, deleted))
    })?;
    let Some(record) = record else {
        let path = paths::shown(&path);
        output::note(format!("peanut: {path} was never offered (add it with `peanut ingest {path}`)"));
        return Ok(EXIT_NONE);
    };
    if arguments.json {
        let ids: Vec<_> = deleted.iter().map(|document| document.id).collect();
        output::json(&serde_json::json!({ "file": record, "documents": documents, "deleted_by_you": ids }))?;
    } else {
        print(&record, documents.len())?;
        if let Some(told) = deleted_by_you(&deleted, &record.path) {
            output::line(format!("deleted    {told}"))?;
        }
    }
    Ok(EXIT_OK)
}

fn print(record: &FileRecord, documents: usize) -> eyre::Result<()> {
    let kind = record.source_type.map_or("not recognised yet", crate::domain::SourceType::as_str);
    output::styled(&[output::bold(&paths::shown(&record.path)), output::plain("  "), output::plain(kind)])?;
    let reason = record.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
    output::line(format!("state      {}{reason}", record.state.as_str()))?;
    let items = &record.items;
    output::line(format!(
        "items      {} seen, {} documents, {} duplicates, {} unchanged, {} dead letters, {} skipped",
        items.seen, items.documents, items.duplicates, items.unchanged, items.dead_letters, items.skipped
    ))?;
    output::line(format!("documents  {documents} live in the store"))?;
    output::line(format!("changed    {}", output::date(Some(record.updated_at))))
}

/// What the user deleted of a file, when, and how it comes back; nothing when nothing was.
pub(super) fn deleted_by_you(deleted: &[DeletedDocument], path: &str) -> Option<String> {
    let newest = deleted.first()?;
    let date = output::date(Some(newest.deleted_at));
    Some(match deleted {
        [one] => format!("by you on {date}: `peanut restore {}` brings it back", one.id),
        many => {
            let path = shlex::try_quote(path).unwrap_or_else(|_| path.into());
            format!("{} documents by you, the last on {date}: `peanut restore {path}` brings them back", many.len())
        }
    })
}
