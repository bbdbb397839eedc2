//! `peanut ingest PATH… [--wait]`: offers files to the queue; does the work itself when no other process does.

use std::time::Duration;

use clap::Args;
use color_eyre::eyre;

use crate::config::Config;
use crate::domain::intake::FileState;
use crate::embed::roles;
use crate::ingest::intake::paths::resolve;
use crate::runtime::shutdown::Shutdown;
use crate::runtime::wiring::{House, RunningWorkers, WorkerSet};
use crate::store::DeletedOf;

use super::why::deleted_by_you;
use super::{EXIT_NONE, EXIT_OK, output, runtime};

/// Between looks at the queue while waiting.
const LOOK_PERIOD: Duration = Duration::from_millis(200);

#[derive(Args, Debug)]
pub(super) struct IngestArgs {
    /// Files and folders; folders are walked (.gitignore is obeyed, hidden files are left out)
    #[arg(required = true, num_args = 1..)]
    paths: Vec<String>,
    /// Wait until everything offered is searchable and in the graph, also when another process does the work
    #[arg(long)]
    wait: bool,
    /// Wait for the background model's vectors too
    #[arg(long)]
    wait_vectors: bool,
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
    let offer = house.intake.offer_paths(&arguments.paths).await?;
    for (path, reason) in &offer.refused {
        output::note(format!("peanut: {path}: {reason}"));
    }
    tell_deleted(&house, &arguments.paths).await?;
    let here = running.is_some();
    if !here && !arguments.wait {
        output::line(format!("{} queued, {} unchanged; another process takes them in", offer.queued, offer.unchanged))?;
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
    house.close().await;
    let count = |counts: &crate::domain::intake::IntakeCounts, state| {
        counts.files_by_state.iter().find(|(s, _)| *s == state).map_or(0, |(_, n)| *n)
    };
    let failed = count(&after, FileState::Failed).saturating_sub(count(&before, FileState::Failed));
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
    Ok(if failed == 0 && offer.refused.is_empty() && finished { EXIT_OK } else { EXIT_NONE })
}

/// Waits until queue and outbox are empty; false when interrupted. Says once what holds the work up.
async fn wait(
    house: &House,
    running: Option<&RunningWorkers>,
    shutdown: &Shutdown,
    vectors: bool,
) -> eyre::Result<bool> {
    let soft = shutdown.soft();
    let mut told = None;
    loop {
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
        let trouble = running.and_then(RunningWorkers::trouble);
        if let Some(trouble) = trouble.as_ref().filter(|trouble| told.as_ref() != Some(*trouble)) {
            output::progress("");
            output::note(format!("peanut: {trouble}"));
        }
        told = trouble.or(told);
        tokio::select! {
            () = soft.cancelled() => return Ok(false),
            () = tokio::time::sleep(LOOK_PERIOD) => {}
        }
    }
}

/// A file named by hand that holds what the user deleted: it is read, and stays deleted until it is brought back.
async fn tell_deleted(house: &House, paths: &[String]) -> eyre::Result<()> {
    for named in paths {
        let path = resolve(named);
        // Whoever names a folder does not ask for each of its files.
        if !path.is_file() {
            continue;
        }
        let path = path.to_string_lossy();
        let deleted = house.store.deleted(DeletedOf::Path(&path), 1000).await?;
        if let Some(told) = deleted_by_you(&deleted, &path) {
            output::note(format!("peanut: {named}: deleted {told}"));
        }
    }
    Ok(())
}
