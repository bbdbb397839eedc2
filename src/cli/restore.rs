//! `peanut restore ID…|PATH…`: brings back documents that were deleted, in this session or long before, from what the store
//! holds: also those whose files are gone, which is said then and by `why`. Exit 1 when something named was not deleted.

use clap::Args;
use color_eyre::eyre;

use crate::config::Config;
use crate::domain::DocumentId;
use crate::ingest::intake::paths;
use crate::runtime::shutdown::Shutdown;
use crate::runtime::wiring::House;
use crate::store::{DeletedDocument, DeletedOf, StoreErrorKind};

use super::{EXIT_NONE, EXIT_OK, graph, output, runtime};

/// Documents brought back by one command at most, per thing named.
const MOST: u32 = 100_000;
/// Titles told one by one.
const TOLD: usize = 10;

#[derive(Args, Debug)]
pub(super) struct RestoreArgs {
    /// Document ids as `search --json is:deleted` and `why` print them, files, or folders with such files
    #[arg(required = true, num_args = 1.., value_name = "ID|PATH")]
    what: Vec<String>,
}

pub(super) fn run(config: Config, arguments: &RestoreArgs) -> eyre::Result<u8> {
    runtime()?.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        let house = House::open(config).await?;
        let done = restore(&house, &shutdown, &arguments.what).await;
        house.close().await;
        done
    })
}

async fn restore(house: &House, shutdown: &Shutdown, what: &[String]) -> eyre::Result<u8> {
    let mut code = EXIT_OK;
    let mut found: Vec<DeletedDocument> = Vec::new();
    for named in what {
        let deleted = match named.parse().map(DocumentId) {
            Ok(id) => house.store.deleted(DeletedOf::Ids(&[id]), 1).await?,
            Err(_) => house.store.deleted(DeletedOf::Path(&paths::text_of(&paths::resolve(named))), MOST).await?,
        };
        if deleted.is_empty() {
            output::note(format!("peanut: {named}: {}", why_not(house, named).await?));
            code = EXIT_NONE;
        }
        found.extend(deleted);
    }
    let gone = house.intake.note_gone(&found).await?;
    let ids: Vec<DocumentId> = found.iter().map(|document| document.id).collect();
    let restored = house.recorder.restore(&ids, house.clock.now()).await?;
    for document in found.iter().take(TOLD) {
        let told = [output::plain("brought back  "), output::bold(&document.title), output::plain("  ")];
        let place = [output::faint(&document.source_path)];
        output::styled(&told.into_iter().chain(place).collect::<Vec<_>>())?;
    }
    for path in gone.iter().take(TOLD) {
        output::note(format!(
            "peanut: {}: the file is gone; what was brought back of it is kept here alone",
            paths::shown(path)
        ));
    }
    if found.len() > 1 {
        output::line(format!("{restored} documents brought back"))?;
    }
    // The graph follows at once where it can; where it does not answer, events wait for it.
    if restored > 0 && house.graph_reader.ping().await.is_ok() {
        graph::drain(house, shutdown).await?;
    }
    Ok(code)
}

/// Why there is nothing to bring back, and what would help.
async fn why_not(house: &House, named: &str) -> eyre::Result<String> {
    let Ok(id) = named.parse().map(DocumentId) else {
        return Ok("nothing that was read from there is deleted (`peanut why FILE` tells what became of a file)".into());
    };
    Ok(match house.store.document(id).await {
        Ok(view) if view.deleted_at.is_none() => "is not deleted".to_owned(),
        Ok(view) => {
            format!(
                "was not deleted by you: {} no longer holds it; `peanut ingest` takes it in again",
                view.source_path
            )
        }
        Err(error) if error.kind == StoreErrorKind::NotFound => "there is no such document".to_owned(),
        Err(error) => return Err(error.into()),
    })
}
