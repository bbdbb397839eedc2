//! `peanut graph rebuild`: empties the graph, writes it anew from the store, and proves that the two are equal. Exit 1 when
//! they are not.

use std::time::Duration;

use clap::{Args, Subcommand};
use color_eyre::eyre;
use tokio::time::Instant;

use crate::config::Config;
use crate::graph::{check, rebuild};
use crate::runtime::shutdown::Shutdown;
use crate::runtime::wiring::{House, WorkerSet};

use super::looks::Looks;
use super::{EXIT_NONE, EXIT_OK, output, runtime};

/// Between attempts to do the work here, while another process does it.
const TRY_PERIOD: Duration = Duration::from_secs(2);
/// Nothing delivered for this long: the graph does not answer, or whoever should deliver does not.
const STUCK_AFTER: Duration = Duration::from_secs(90);

#[derive(Args, Debug)]
pub(super) struct GraphArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Empty the graph, write it anew from the store, and prove that they are equal
    Rebuild {
        /// The findings, as JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(config: Config, arguments: &GraphArgs) -> eyre::Result<u8> {
    let What::Rebuild { json } = arguments.what;
    runtime()?.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        let house = House::open(config).await?;
        let code = rebuild_and_prove(&house, &shutdown, json).await;
        house.leave().await;
        code
    })
}

async fn rebuild_and_prove(house: &House, shutdown: &Shutdown, json: bool) -> eyre::Result<u8> {
    let queued = rebuild::rebuild(&house.store, house.graph_sink.as_ref(), house.clock.now()).await?;
    if !drain(house, shutdown).await? {
        output::note("peanut: interrupted; what is left is delivered by the next process that works");
        return Ok(EXIT_NONE);
    }
    let status = house.store.outbox_status(house.clock.now()).await?;
    let graph = check::compare(&house.store, house.graph_reader.as_ref()).await?;
    let mut problems = graph.differences();
    if status.pending > 0 {
        problems.push(format!("{} events wait for another try", status.pending));
    }
    if status.dead > 0 {
        problems.push(format!("{} events were given up (`peanut status` lists them)", status.dead));
    }
    if json {
        output::json(&serde_json::json!({
            "equal": problems.is_empty(), "documents": queued, "nodes": graph.nodes, "edges": graph.edges,
            "problems": problems,
        }))?;
    } else {
        output::line(format!("{queued} documents delivered; {}", graph.summary()))?;
        for problem in &problems {
            output::line(format!("PROBLEM  {problem}"))?;
        }
    }
    Ok(if problems.is_empty() { EXIT_OK } else { EXIT_NONE })
}

/// Delivers what waits in the outbox and can be delivered now, here or by whichever process works; false when
/// interrupted.
///
/// # Errors
/// When nothing was delivered for a long time: the report says what the relay says.
pub(super) async fn drain(house: &House, shutdown: &Shutdown) -> eyre::Result<bool> {
    let mut running = house.try_start_workers(shutdown, WorkerSet::Relay).await?;
    let soft = shutdown.soft();
    let (mut least, mut tried) = ((u64::MAX, Instant::now()), Instant::now());
    let looks = Looks::begin();
    let finished = loop {
        let status = house.store.outbox_status(house.clock.now()).await?;
        let waiting = status.pending.saturating_sub(status.parked);
        if waiting == 0 {
            break Ok(true);
        }
        if waiting < least.0 {
            least = (waiting, Instant::now());
        } else if least.1.elapsed() > STUCK_AFTER {
            break Err(eyre::eyre!(
                "{waiting} events wait and none was delivered for {} s: {}",
                STUCK_AFTER.as_secs(),
                why(house).await
            ));
        }
        output::progress(&format!("{waiting} events to deliver"));
        // The process that worked may have ended meanwhile.
        if running.is_none() && !soft.is_cancelled() && tried.elapsed() > TRY_PERIOD {
            tried = Instant::now();
            running = house.try_start_workers(shutdown, WorkerSet::Relay).await?;
        }
        tokio::select! {
            () = soft.cancelled() => break Ok(false),
            () = looks.next() => {}
        }
    };
    output::progress("");
    soft.cancel();
    if let Some(running) = running {
        running.join(shutdown).await;
    }
    finished
}

/// What keeps events from being delivered, as far as it can be told from here.
async fn why(house: &House) -> String {
    if let Err(error) = house.graph_reader.ping().await {
        return format!("the graph does not answer ({error})");
    }
    let relays = house.store.workers().await.unwrap_or_default().into_iter().filter(|worker| worker.name == "relay");
    let newest = relays.max_by_key(|worker| worker.heartbeat_at);
    newest.map_or_else(
        || "no process delivers; end the others and try again".to_owned(),
        |relay| {
            format!(
                "the relay of process {} on {} says: {} {}",
                relay.pid,
                relay.host,
                relay.state.as_str(),
                relay.detail
            )
        },
    )
}
