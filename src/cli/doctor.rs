//! `peanut doctor`: looks at everything a healthy installation needs and says how to mend what is wrong.

use std::fs;
use std::path::Path;

use clap::Args;
use color_eyre::eyre;
use serde::Serialize;

use crate::config::Config;
use crate::domain::health::{ServiceHealth, ServiceRole, ServiceState};
use crate::domain::status::StatusSnapshot;
use crate::health::disk;
use crate::runtime::lock::WorkerLock;
use crate::runtime::wiring::House;
use crate::telemetry::{crash, log, private, unclean};

use super::{EXIT_NONE, EXIT_OK, output, runtime};

/// Files that ended their parser, told by name at most.
const FILES_NAMED: usize = 3;

#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// The findings, as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Error,
}

#[derive(Debug, Serialize)]
struct Finding {
    verdict: Verdict,
    what: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, what: &'static str, detail: impl Into<String>) {
        self.0.push(Finding { verdict: Verdict::Ok, what, detail: detail.into(), remedy: None });
    }
    fn bad(&mut self, verdict: Verdict, what: &'static str, detail: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { verdict, what, detail: detail.into(), remedy: Some(remedy.into()) });
    }
}

pub(super) fn run(config: Config, arguments: &DoctorArgs) -> eyre::Result<u8> {
    let mut findings = Findings::default();
    installation(&config, &mut findings);
    runtime()?.block_on(services(config, &mut findings));
    let worst_is_error = findings.0.iter().any(|finding| finding.verdict == Verdict::Error);
    if arguments.json {
        output::json(&findings.0)?;
    } else {
        for finding in &findings.0 {
            let word = match finding.verdict {
                Verdict::Ok => "ok     ",
                Verdict::Warning => "warning",
                Verdict::Error => "ERROR  ",
            };
            output::line(format!("{word} {:<14} {}", finding.what, finding.detail))?;
            if let Some(remedy) = &finding.remedy {
                output::line(format!("{:>7} {:<14} → {remedy}", "", ""))?;
            }
        }
    }
    Ok(if worst_is_error { EXIT_NONE } else { EXIT_OK })
}

fn crashes(config: &Config, findings: &mut Findings) {
    let recorded = unclean::recorded(&config.crash_dir());
    if recorded == 0 {
        return findings.ok("crashes", "none recorded");
    }
    let mut detail = format!("{recorded} recorded, with those that ended without a word");
    let files = crash::files_named(&config.crash_dir());
    if !files.is_empty() {
        let shown: Vec<&str> = files.iter().take(FILES_NAMED).map(String::as_str).collect();
        detail.push_str("; left out because they end what parses them: ");
        detail.push_str(&shown.join(", "));
        if files.len() > shown.len() {
            detail.push_str(" and others");
        }
    }
    let remedy = format!("read the newest in {}", config.crash_dir().display());
    findings.bad(Verdict::Warning, "crashes", detail, remedy);
}

fn installation(config: &Config, findings: &mut Findings) {
    let version =
        format!("peanut {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    findings.ok("version", version);
    match &config.file {
        Some(file) => findings.ok("configuration", file.display().to_string()),
        None => findings.ok("configuration", "no file: defaults (`peanut config --example` prints one)"),
    }
    if !config.unused_services.is_empty() {
        let names = config.unused_services.join(", ");
        let detail = format!("{names} set, without effect");
        let remedy = "set what they belong to (OLLAMA_URL, FALKORDB_HOST), or unset them";
        findings.bad(Verdict::Warning, "services", detail, remedy);
    }
    if let Err(error) = super::keys_are_usable(config) {
        findings.bad(Verdict::Error, "keys", error.to_string(), "the app does not start before it is corrected");
    }
    folder_is_usable("data folder", &config.data_dir, findings);
    folder_is_usable("drop zone", &config.drop_zone, findings);
    logs_are_writable(&config.log_dir(), findings);
    match disk::look_now(&config.data_dir) {
        Ok(report) => match (report.state, report.remedy) {
            (ServiceState::Ok, _) | (_, None) => findings.ok("disk", report.detail),
            (ServiceState::Degraded, Some(remedy)) => {
                findings.bad(Verdict::Warning, "disk", report.detail, remedy);
            }
            (_, Some(remedy)) => findings.bad(Verdict::Error, "disk", report.detail, remedy),
        },
        Err(error) => findings.bad(Verdict::Warning, "disk", format!("cannot ask: {error}"), "check the mount"),
    }
    crashes(config, findings);
    let errors = log::tail(&config.log_dir(), 2000).unwrap_or_default();
    let errors = errors.iter().filter(|line| line.contains("\"level\":\"ERROR\"")).count();
    if errors == 0 {
        findings.ok("log", "no errors in the last lines");
    } else {
        let remedy = format!("read {}", config.log_dir().display());
        findings.bad(Verdict::Warning, "log", format!("{errors} errors in the last lines"), remedy);
    }
}

fn folder_is_usable(what: &'static str, folder: &Path, findings: &mut Findings) {
    let probe = folder.join(format!(".peanut-doctor-{}", std::process::id()));
    let written =
        private::make_folder(folder).and_then(|()| fs::write(&probe, b"x")).and_then(|()| fs::remove_file(&probe));
    match written {
        Ok(()) => findings.ok(what, folder.display().to_string()),
        Err(error) => {
            let remedy = format!("make {} writable for this user", folder.display());
            findings.bad(Verdict::Error, what, format!("cannot write {}: {error}", folder.display()), remedy);
        }
    }
}

/// Everything else works without a log.
fn logs_are_writable(folder: &Path, findings: &mut Findings) {
    let shown = folder.display();
    match log::can_be_written(folder) {
        Ok(()) => findings.ok("logs", shown.to_string()),
        Err(error) => {
            let remedy = format!("make {shown} and what is in it writable for this user, or set PEANUT_STATE_DIR");
            findings.bad(Verdict::Warning, "logs", format!("cannot write {shown}: {error}"), remedy);
        }
    }
}

/// Who runs the workers, and whether it does: `is_free` says whether nobody holds them.
async fn workers(house: &House, is_free: std::io::Result<bool>, findings: &mut Findings) {
    match is_free {
        Ok(true) => findings.ok("workers", "no process runs them now; the app starts them"),
        Ok(false) => match house.holder().await {
            Ok(holder) => match holder.and_then(|holder| holder.trouble()) {
                None => findings.ok("workers", "another Peanut process runs them"),
                Some(trouble) => {
                    let what = format!("{} ({})", trouble.what, trouble.last_sign);
                    findings.bad(Verdict::Warning, "workers", what, trouble.remedy);
                }
            },
            Err(error) => findings.bad(Verdict::Error, "workers", error.to_string(), "see the store below"),
        },
        Err(error) => findings.bad(Verdict::Error, "workers", error.to_string(), "check the data folder's permissions"),
    }
}

async fn services(config: Config, findings: &mut Findings) {
    let lock = WorkerLock::try_take(&config.data_dir).map(|lock| lock.is_some());
    let house = match House::open(config).await {
        Ok(house) => house,
        Err(error) => {
            if let Err(error) = lock {
                findings.bad(Verdict::Error, "workers", error.to_string(), "check the data folder's permissions");
            }
            let remedy = "the message says what to do; the data folder itself was not changed";
            findings.bad(Verdict::Error, "store", format!("{error:#}"), remedy);
            return;
        }
    };
    workers(&house, lock, findings).await;
    match house.status().once().await {
        Ok(snapshot) => {
            // The disk was looked at above.
            for service in snapshot.services.iter().filter(|service| service.role != ServiceRole::Disk) {
                examine(service, findings);
            }
            models(&house, &snapshot, findings);
            let dead = (snapshot.intake.dead_letters_dead, snapshot.outbox.dead);
            if dead == (0, 0) {
                findings.ok("dead letters", "none given up");
            } else {
                let detail = format!("{} files or messages, {} graph events given up", dead.0, dead.1);
                findings.bad(
                    Verdict::Warning,
                    "dead letters",
                    detail,
                    "open the app: Intake (3) and Outbox (4), r retries",
                );
            }
        }
        Err(error) => findings.bad(Verdict::Error, "store", error, "run `peanut check`"),
    }
    house.close().await;
}

/// One probed service, with what to do when it is not well.
fn examine(service: &ServiceHealth, findings: &mut Findings) {
    let what = service.role.as_str();
    let latency = service.latency_ms.unwrap_or_default();
    if service.state == ServiceState::Ok {
        findings.ok(what, format!("{} ({latency:.1} ms)", service.detail));
        return;
    }
    let error = service.error.clone().unwrap_or_else(|| "no answer".to_owned());
    let remedy = match (service.role, service.state) {
        (ServiceRole::Replica, ServiceState::Degraded) => {
            "searches go to the primary meanwhile: look whether replay is paused, and at load and disk of the replica"
        }
        (ServiceRole::Replica, _) => {
            "searches go to the primary meanwhile: start the replica, or correct POSTGRES_REPLICA_URL"
        }
        (_, ServiceState::Degraded) => "it works, slowly: look at the load of its host and the network",
        (ServiceRole::Store, _) if service.name == "postgres" => {
            "nothing is lost: ingest and searches go on by themselves when it is back; see POSTGRES_URL and its own log"
        }
        (ServiceRole::Graph, _) if service.name == "falkordb" => {
            "nothing is lost: events wait in the outbox and are delivered when it is back; see FALKORDB_HOST"
        }
        (ServiceRole::Embedder, _) if !service.name.starts_with("built-in") => {
            "nothing is lost: searches use words meanwhile, and the backlog is embedded when it is back"
        }
        _ => "see the log; `peanut check` tests the data itself",
    };
    // Without its replica Peanut does all it should, only the primary does more of it.
    let is_warning = service.state == ServiceState::Degraded || service.role == ServiceRole::Replica;
    findings.bad(if is_warning { Verdict::Warning } else { Verdict::Error }, what, error, remedy);
}

/// Whether the model of the settings is the one that serves, and what to do when it is not.
fn models(house: &House, snapshot: &StatusSnapshot, findings: &mut Findings) {
    let (Some(configured), Some(serving)) = (house.configured_model(), &snapshot.models.serving) else { return };
    let building = snapshot.models.building.as_ref();
    if configured == *serving {
        findings.ok("model", format!("{serving} serves"));
    } else if building == Some(&configured) {
        findings.ok("model", format!("{serving} serves, {configured} is being built"));
    } else {
        let detail = format!("the settings name {configured}, searches use {serving}, which has the vectors");
        findings.bad(Verdict::Warning, "model", detail, "`peanut reindex` builds the other and switches to it");
    }
    if let Some(previous) = &snapshot.models.previous {
        let detail = format!("the vectors of {previous} are kept");
        findings.bad(
            Verdict::Warning,
            "model",
            detail,
            "`peanut reindex --confirm` drops them, `--back` returns to them",
        );
    }
}
