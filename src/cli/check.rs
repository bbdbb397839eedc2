//! `peanut check`: proves that the store is sound, that the search index holds what it should, and that the graph
//! equals what the store implies. Exit 1 when it does not; `--rebuild-graph` mends the last, and `--repair` takes files in
//! anew of which nothing is held although their row says so, or whose texts are not what they were.

use std::collections::BTreeMap;

use clap::Args;
use color_eyre::eyre;

use crate::config::Config;
use crate::graph::{check, rebuild};
use crate::ingest::intake::{IntakeOffer, paths};
use crate::runtime::shutdown::Shutdown;
use crate::runtime::wiring::{House, WorkerSet};

use super::{EXIT_NONE, EXIT_OK, graph, ingest, output, runtime};

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct CheckArgs {
    /// The findings, as JSON
    #[arg(long)]
    json: bool,
    /// Deliver what waits in the outbox first (otherwise waiting events are allowed for by failing)
    #[arg(long)]
    drain: bool,
    /// Empty the graph and build it anew from the store, then check
    #[arg(long)]
    rebuild_graph: bool,
    /// Take files in again whose row says that something of them is held while nothing is, and those with damaged texts; make
    /// a damaged search index anew
    #[arg(long)]
    repair: bool,
}

/// Files looked at in one step.
const STEP: u32 = 500;

pub(super) fn run(config: Config, arguments: &CheckArgs) -> eyre::Result<u8> {
    runtime()?.block_on(work(config, arguments))
}

async fn work(config: Config, arguments: &CheckArgs) -> eyre::Result<u8> {
    let house = House::open(config).await?;
    if arguments.repair {
        repair(&house).await?;
    }
    if arguments.rebuild_graph {
        let queued = rebuild::rebuild(&house.store, house.graph_sink.as_ref(), house.clock.now()).await?;
        output::note(format!("peanut: graph emptied, {queued} documents to deliver"));
    }
    if arguments.drain || arguments.rebuild_graph || arguments.repair {
        graph::drain(&house, &Shutdown::new()).await?;
    }
    let integrity = house.store.verify().await?;
    let waiting = house.store.outbox_status(house.clock.now()).await?.pending;
    let compared = check::compare(&house.store, house.graph_reader.as_ref()).await?;
    house.close().await;
    let mut problems = integrity.problems;
    problems.extend(compared.differences());
    if waiting > 0 {
        problems.push(format!("{waiting} events wait in the outbox (`--drain` delivers them first)"));
    }
    if arguments.json {
        output::json(
            &serde_json::json!({ "sound": problems.is_empty(), "problems": problems, "checked": integrity.checked }),
        )?;
    } else {
        for line in integrity.checked {
            output::line(format!("checked  {line}"))?;
        }
        output::line(format!("checked  {}", compared.summary()))?;
        for problem in &problems {
            output::line(format!("PROBLEM  {problem}"))?;
        }
        output::line(if problems.is_empty() { "sound" } else { "NOT SOUND" })?;
    }
    Ok(if problems.is_empty() { EXIT_OK } else { EXIT_NONE })
}

/// Offers what is unsound again, whatever is known of it, and what has damaged texts, and retires what is gone; waits until
/// it is in.
async fn repair(house: &House) -> eyre::Result<()> {
    if house.store.repair_index().await? {
        output::note("peanut: the search index was damaged: it was made anew from the texts");
    }
    let mut taken = repair_texts(house).await?;
    let (mut after, mut retired) = (String::new(), 0_u64);
    loop {
        let unsound = house.store.unsound_files(&after, STEP).await?;
        let Some(last) = unsound.last() else { break };
        after.clone_from(last);
        for path in &unsound {
            if paths::path_of(path).try_exists().unwrap_or(true) {
                match house.intake.retry_file(path).await {
                    Ok(()) => taken += 1,
                    Err(error) => output::note(format!("peanut: {error}")),
                }
                continue;
            }
            let mut offer = IntakeOffer::default();
            house.intake.retire_vanished(&paths::path_of(path), false, &mut offer).await?;
            // Retired already, but for its documents.
            if offer.retired == 0 && offer.refused.is_empty() {
                offer.retired += u64::from(!house.recorder.retire_file(path, house.clock.now()).await?.is_empty());
            }
            retired += offer.retired;
            for (path, reason) in offer.refused {
                output::note(format!("peanut: {}: {reason}", paths::shown(&path)));
            }
        }
    }
    output::note(format!("peanut: {taken} files taken in again, {retired} that are gone retired"));
    if taken + retired == 0 {
        return Ok(());
    }
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let running = house.try_start_workers(&shutdown, WorkerSet::Ingest).await?;
    ingest::wait(house, running.as_ref(), &shutdown, false).await?;
    shutdown.soft().cancel();
    if let Some(running) = running {
        running.join(&shutdown).await;
    }
    output::progress("");
    Ok(())
}

/// Has the files read again of which the store holds texts that are not what they were; tells of those that are not there.
/// Returns how many files.
async fn repair_texts(house: &House) -> eyre::Result<u64> {
    let mut by_path: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for damaged in house.store.damaged_texts().await? {
        by_path.entry(damaged.path).or_default().push(damaged.chunk);
    }
    let mut taken = 0;
    for (path, chunks) in by_path {
        let shown = paths::shown(&path);
        // A note lies in no file.
        let lies_here = paths::path_of(&path);
        if !(lies_here.is_absolute() && lies_here.is_file()) {
            output::note(format!(
                "peanut: {shown}: damaged texts cannot be written anew, there is no such file here: restore a backup, or put \
                 the file back and check again"
            ));
            continue;
        }
        house.store.distrust_texts(&chunks).await?;
        match house.intake.retry_file(&path).await {
            Ok(()) => taken += 1,
            Err(error) => output::note(format!("peanut: {error}")),
        }
    }
    Ok(taken)
}
