//! `peanut ingest PATH… [--wait]`: offers files to the queue; does the work itself when no other process does.
//!
//! Exit 0: all that was named is in, and what is gone of it is retired. Exit 1: something of it was refused, failed, or
//! could be read in part only; standard error says what.

use clap::Args;
use color_eyre::eyre;

use crate::config::Config;
use crate::domain::intake::{FileRecord, FileState};
use crate::embed::roles;
use crate::ingest::intake::paths;
use crate::runtime::shutdown::Shutdown;
use crate::runtime::wiring::{House, RunningWorkers, WorkerSet};
use crate::store::DeletedOf;

use super::looks::Looks;
use super::why::deleted_by_you;
use super::{EXIT_NONE, EXIT_OK, output, runtime};

/// Files in trouble named one by one; the rest are counted.
const NAMED: usize = 20;
/// Rows of the ledger looked at in one step.
const STEP: u32 = 500;

#[derive(Args, Debug)]
pub(super) struct IngestArgs {
    /// Files and folders; folders are walked (.gitignore is obeyed, hidden files are left out), and what is gone of them
    /// is retired
    #[arg(required = true, num_args = 1..)]
    paths: Vec<String>,
    /// Wait until everything offered is searchable and in the graph, also when another process does the work
    #[arg(long)]
    wait: bool,
    /// Wait for the background model's vectors too
    #[arg(long)]
    wait_vectors: bool,
    /// Retire also what is gone together with its drive (otherwise it may only not be mounted)
    #[arg(long)]
    gone: bool,
}

pub(super) fn run(config: Config, arguments: IngestArgs) -> eyre::Result<u8> {
    runtime()?.block_on(work(config, arguments))
}

async fn work(config: Config, arguments: IngestArgs) -> eyre::Result<u8> {
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let house = House::open(config).await?;
    let before = house.store.intake_counts().await?;
    let set = if arguments.wait_vectors { WorkerSet::IngestAndVectors } else { WorkerSet::Ingest };
    let running = house.try_start_workers(&shutdown, set).await?;
    let offer = house.intake.offer_paths_and_gone(&arguments.paths, arguments.gone).await?;
    for (path, reason) in &offer.refused {
        output::note(format!("peanut: {path}: {reason}"));
    }
    tell_deleted(&house, &arguments.paths).await?;
    if offer.retired > 0 {
        output::note(format!("peanut: {} known files are gone: retired", offer.retired));
    }
    let here = running.is_some();
    if !here && !arguments.wait {
        let trouble = house.holder().await?.and_then(|holder| holder.trouble());
        let taker = if trouble.is_some() { "they wait" } else { "another process takes them in" };
        output::line(format!("{} queued, {} unchanged; {taker}", offer.queued, offer.unchanged))?;
        if let Some(trouble) = trouble {
            output::note(format!("peanut: {trouble}"));
        }
        house.close().await;
        return Ok(if offer.refused.is_empty() { EXIT_OK } else { EXIT_NONE });
    }
    let finished = wait(&house, running.as_ref(), &shutdown, arguments.wait_vectors).await?;
    shutdown.soft().cancel();
    if let Some(running) = running {
        running.join(&shutdown).await;
    }
    output::progress("");
    let after = house.store.intake_counts().await?;
    let lost = tell_trouble(&house, &arguments.paths).await?;
    house.close().await;
    let count = |counts: &crate::domain::intake::IntakeCounts, state| {
        counts.files_by_state.iter().find(|(s, _)| *s == state).map_or(0, |(_, n)| *n)
    };
    let failed = count(&after, FileState::Failed).saturating_sub(count(&before, FileState::Failed));
    let is_whole = lost == 0 && failed == 0 && offer.refused.is_empty();
    let items = (&after.items, &before.items);
    output::line(format!(
        "{} files offered, {} unchanged: {} documents, {} duplicates, {} dead letters ({} files failed, {} refused)",
        offer.queued,
        offer.unchanged,
        items.0.documents.saturating_sub(items.1.documents),
        items.0.duplicates.saturating_sub(items.1.duplicates),
        items.0.dead_letters.saturating_sub(items.1.dead_letters),
        failed,
        offer.refused.len(),
    ))?;
    if !finished {
        output::note("peanut: interrupted; what is left stays queued and goes on with the next start");
    }
    Ok(if is_whole && finished { EXIT_OK } else { EXIT_NONE })
}

/// Says of what was named what could not be read and what was left out. Returns how many files something was lost of.
async fn tell_trouble(house: &House, given: &[String]) -> eyre::Result<usize> {
    let (mut lost, mut told, mut untold) = (0, 0, 0);
    for path in given {
        let path = paths::text_of(&paths::resolve(path));
        let mut after = String::new();
        loop {
            let troubled = house.store.troubled(&path, &after, STEP).await?;
            let Some(last) = troubled.last() else { break };
            after.clone_from(&last.path);
            for file in &troubled {
                let is_lost = file.state == FileState::Failed || file.items.dead_letters > 0;
                lost += usize::from(is_lost);
                if told < NAMED {
                    told += 1;
                    output::note(format!("peanut: {}: {}", paths::shown(&file.path), trouble(file)));
                } else {
                    untold += 1;
                }
            }
        }
    }
    if untold > 0 {
        output::note(format!("peanut: and {untold} more (`peanut why FILE` says of each)"));
    }
    Ok(lost)
}

/// What is wrong with one file, in words.
fn trouble(file: &FileRecord) -> String {
    let reason = file.reason.as_deref().unwrap_or("see `peanut status`");
    let letters = file.items.dead_letters;
    match file.state {
        FileState::Failed => format!("failed: {reason}"),
        _ if letters > 0 => format!("{letters} of {} items could not be read: {reason}", file.items.seen),
        _ => format!("read in part: {reason}"),
    }
}

/// Waits until queue and outbox are empty; false when interrupted. Says once what holds the work up.
pub(super) async fn wait(
    house: &House,
    running: Option<&RunningWorkers>,
    shutdown: &Shutdown,
    vectors: bool,
) -> eyre::Result<bool> {
    let soft = shutdown.soft();
    let mut told = None;
    let looks = Looks::begin();
    loop {
        // A store that is not there any more will not come back by waiting.
        if let Err(error) = house.store.ping().await
            && !error.is_retryable()
        {
            return Err(error.into());
        }
        let counts = house.store.intake_counts().await?;
        let waiting: u64 = counts
            .files_by_state
            .iter()
            .filter(|(s, _)| matches!(s, FileState::Queued | FileState::Parsing))
            .map(|(_, n)| n)
            .sum();
        let outbox = house.store.outbox_status(house.clock.now()).await?;
        let embeddings = house.store.embedding_progress().await?;
        let roles = roles::read(&house.store).await?;
        let is_at_work = |model| roles.serving.as_ref() == Some(model) || roles.building.as_ref() == Some(model);
        let at_work = embeddings.iter().filter(|progress| is_at_work(&progress.model));
        let pending: u64 = at_work.map(|model| model.pending + model.processing).sum();
        let deliverable = outbox.pending.saturating_sub(outbox.parked);
        output::progress(&format!(
            "{waiting} files waiting · {} documents · graph {deliverable} behind{}",
            counts.items.documents,
            if vectors { format!(" · {pending} vectors to make") } else { String::new() }
        ));
        if waiting == 0 && deliverable == 0 && (!vectors || pending == 0) {
            return Ok(true);
        }
        // What is wrong, and how it is told: once, not for every second that it lasts.
        let trouble = if let Some(running) = running {
            running.trouble().map(|trouble| (trouble.clone(), trouble))
        } else {
            let trouble = house.holder().await?.and_then(|holder| holder.trouble());
            trouble.map(|trouble| (trouble.what.clone(), trouble.to_string()))
        };
        if let Some((what, trouble)) = trouble.filter(|(what, _)| told.as_ref() != Some(what)) {
            output::progress("");
            output::note(format!("peanut: {trouble}"));
            told = Some(what);
        }
        tokio::select! {
            () = soft.cancelled() => return Ok(false),
            () = looks.next() => {}
        }
    }
}

/// A file named by hand that holds what the user deleted: it is read, and stays deleted until it is brought back.
async fn tell_deleted(house: &House, paths: &[String]) -> eyre::Result<()> {
    for named in paths {
        let path = paths::resolve(named);
        // Whoever names a folder does not ask for each of its files.
        if !path.is_file() {
            continue;
        }
        let path = paths::text_of(&path);
        let deleted = house.store.deleted(DeletedOf::Path(&path), 1000).await?;
        if let Some(told) = deleted_by_you(&deleted, &paths::shown(&path)) {
            output::note(format!("peanut: {named}: deleted {told}"));
        }
    }
    Ok(())
}
