//! `peanut status [--json] [--watch]`: the picture the screens show, for scripts and a glance over SSH.

use std::time::Duration;

use clap::Args;
use color_eyre::eyre;

use crate::config::Config;
use crate::domain::health::ServiceState;
use crate::domain::status::StatusSnapshot;
use crate::health::{Overall, StatusReport, overall};
use crate::runtime::wiring::House;

use super::{EXIT_NONE, EXIT_OK, output, runtime};

#[derive(Args, Debug)]
pub(super) struct StatusArgs {
    /// Everything, as JSON
    #[arg(long)]
    json: bool,
    /// Print again every N seconds until interrupted
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2")]
    watch: Option<u64>,
}

pub(super) fn run(config: Config, arguments: &StatusArgs) -> eyre::Result<u8> {
    runtime()?.block_on(async {
        let house = House::open(config).await?;
        let status = house.status();
        loop {
            let snapshot = status.once().await.map_err(|error| eyre::eyre!("{error}"))?;
            print(&snapshot, arguments.json)?;
            let Some(seconds) = arguments.watch else {
                house.leave().await;
                return Ok(if overall(&snapshot) == Overall::Unhealthy { EXIT_NONE } else { EXIT_OK });
            };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(EXIT_OK),
                () = tokio::time::sleep(Duration::from_secs(seconds.max(1))) => {}
            }
        }
    })
}

fn print(snapshot: &StatusSnapshot, json: bool) -> eyre::Result<()> {
    if json {
        return output::json(&StatusReport::of(snapshot.clone()));
    }
    let store = &snapshot.store;
    let kinds: Vec<String> = store.documents_by_type.iter().map(|(kind, n)| format!("{n} {}", kind.as_str())).collect();
    output::line(format!("documents  {}  ({})", store.documents, kinds.join(", ")))?;
    output::line(format!("chunks     {}  searchable {}", store.chunks, store.searchable_chunks))?;
    output::line(format!("people     {}", store.persons))?;
    let states = &snapshot.intake.files_by_state;
    let files: Vec<String> = states.iter().map(|(state, n)| format!("{n} {}", state.as_str())).collect();
    output::line(format!("files      {}", if files.is_empty() { "none yet".into() } else { files.join(", ") }))?;
    let items = &snapshot.intake.items;
    output::line(format!(
        "items      {} seen = {} documents + {} duplicates + {} unchanged + {} dead letters + {} skipped",
        items.seen, items.documents, items.duplicates, items.unchanged, items.dead_letters, items.skipped
    ))?;
    for progress in &snapshot.embeddings {
        let percent = (progress.coverage() * 100.0).floor();
        let rest = format!("{} done, {} waiting, {} failed", progress.done, progress.pending, progress.failed);
        let roles = &snapshot.models;
        let is = |role: &Option<crate::domain::ModelId>| role.as_ref() == Some(&progress.model);
        let role = if is(&roles.serving) {
            "  serves"
        } else if is(&roles.building) {
            "  being built"
        } else if is(&roles.previous) {
            "  kept until `peanut reindex --confirm`"
        } else {
            ""
        };
        output::line(format!("meaning    {percent:.0} % {}  ({rest}){role}", progress.model))?;
    }
    let outbox = &snapshot.outbox;
    let oldest = outbox.oldest_pending_seconds.map_or("-".to_owned(), |age| format!("{age:.0} s"));
    output::line(format!("outbox     {} pending, oldest {oldest}, {} dead", outbox.pending, outbox.dead))?;
    if let Some(graph) = snapshot.graph {
        let counts = (graph.persons, graph.documents, graph.concepts, graph.edges);
        output::line(format!(
            "graph      {} people, {} documents, {} concepts, {} edges",
            counts.0, counts.1, counts.2, counts.3
        ))?;
    }
    for service in &snapshot.services {
        let word = match service.state {
            ServiceState::Ok => "ok",
            ServiceState::Degraded => "degraded",
            ServiceState::Down => "DOWN",
            ServiceState::Unknown => "unknown",
        };
        let about = service.error.as_deref().unwrap_or(&service.detail);
        output::line(format!("{:<10} {word}  {}  {about}", service.role, service.name))?;
    }
    if snapshot.workers.is_empty() {
        output::line("workers    none running: open the app, or run `peanut ingest`")?;
    }
    for worker in &snapshot.workers {
        let age = snapshot.at.seconds_since(worker.heartbeat_at);
        let place = format!("{}:{}", worker.host, worker.pid);
        output::line(format!("worker     {} {} on {place}, seen {age:.0} s ago", worker.name, worker.state.as_str()))?;
    }
    Ok(())
}
