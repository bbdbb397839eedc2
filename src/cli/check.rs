//! `peanut check`: proves that the store is sound, that the search index holds what it should, and that the graph
//! equals what the store implies. Exit 1 when it does not; `--rebuild-graph` mends the last.

use clap::Args;
use color_eyre::eyre;

use crate::config::Config;
use crate::graph::{check, rebuild};
use crate::runtime::shutdown::Shutdown;
use crate::runtime::wiring::House;

use super::{EXIT_NONE, EXIT_OK, graph, output, runtime};

#[derive(Args, Debug)]
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
}

pub(super) fn run(config: Config, arguments: &CheckArgs) -> eyre::Result<u8> {
    runtime()?.block_on(work(config, arguments))
}

async fn work(config: Config, arguments: &CheckArgs) -> eyre::Result<u8> {
    let house = House::open(config).await?;
    if arguments.rebuild_graph {
        let queued = rebuild::rebuild(&house.store, house.graph_sink.as_ref(), house.clock.now()).await?;
        output::note(format!("peanut: graph emptied, {queued} documents to deliver"));
    }
    if arguments.drain || arguments.rebuild_graph {
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
