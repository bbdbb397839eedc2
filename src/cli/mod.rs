//! The command line: `peanut` opens the app, everything else is for scripts. One file per command.
//!
//! Owns argument parsing, exit codes and what goes to standard output. Exit codes: 0 done (or found), 1 nothing
//! found (or a check failed), 2 an error, 101 a crash, 143 ended by a second signal.

mod app;
mod check;
mod copy;
mod doctor;
mod eval;
mod export;
mod get;
mod graph;
mod ingest;
mod keys;
mod limits;
mod looks;
mod manual;
mod mcp;
mod output;
mod reindex;
mod restore;
mod screen;
mod search;
mod serve;
mod status;
mod why;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use color_eyre::eyre::{self, WrapErr};

use crate::config::{Config, Environment, Overrides};
use crate::ingest::parsers;
use crate::runtime::adapters::{PARSER_COMMAND, parse_in_processes};
use crate::telemetry;

/// Done, or found.
pub const EXIT_OK: u8 = 0;
/// Nothing found, or a check that failed.
pub const EXIT_NONE: u8 = 1;
/// An error; standard error says which.
pub const EXIT_ERROR: u8 = 2;

/// A self-hosted personal knowledge graph that lives in a terminal.
///
/// Without a command, opens the full-screen app. Exit codes: 0 done or found, 1 nothing found, 2 error.
#[derive(Debug, Parser)]
#[command(name = "peanut", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args, Debug)]
struct Global {
    /// Configuration file [default: $XDG_CONFIG_HOME/peanut/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder that holds store, drop zone, logs and crash reports
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take in files and folders
    Ingest(ingest::IngestArgs),
    /// Find documents by words and meaning
    Search(search::SearchArgs),
    /// Print a document, or some of its lines
    Get(get::GetArgs),
    /// Show how the machine is
    Status(status::StatusArgs),
    /// Serve HTTP without a screen: for scripts, agents, Prometheus, systemd and containers
    Serve(serve::ServeArgs),
    /// Say what became of a file, and why
    Why(why::WhyArgs),
    /// Bring deleted documents back
    Restore(restore::RestoreArgs),
    /// Check installation, store and services, and say how to mend what is wrong
    Doctor(doctor::DoctorArgs),
    /// Prove that store, search index and graph agree
    Check(check::CheckArgs),
    /// Move the whole store to another engine or place, and prove it
    Copy(copy::CopyArgs),
    /// Write the whole store as lines of JSON, the same for every engine
    Export(export::ExportArgs),
    /// Write the graph anew from the store, and prove that they are equal
    Graph(graph::GraphArgs),
    /// Build another model's vectors while the present one serves, then switch
    Reindex(reindex::ReindexArgs),
    /// Measure search quality on a folder of judged queries (BEIR layout)
    Eval(eval::EvalArgs),
    /// Make, list and end keys to the HTTP door
    Keys(keys::KeysArgs),
    /// Serve one agent over standard input and output (Model Context Protocol)
    Mcp(mcp::McpArgs),
    /// Print the settings in force, or an example file
    Config(manual::ConfigArgs),
    /// Print shell completions
    Completions(manual::CompletionArgs),
    /// Print the manual page
    Man,
    /// Parse what comes through standard input, confined: started by Peanut itself, never by hand
    #[command(hide = true, name = PARSER_COMMAND)]
    Parser {
        #[arg(long, hide = true)]
        planned: bool,
    },
}

/// Runs the program; the only function `main` calls.
#[must_use]
pub fn main() -> ExitCode {
    let line = words::arranged(std::env::args_os().collect(), &Cli::command());
    let cli = match Cli::try_parse_from(line) {
        Ok(cli) => cli,
        Err(told) if told.use_stderr() => {
            output::usage(&told);
            return ExitCode::from(EXIT_ERROR);
        }
        // Help and version, as they were asked for.
        Err(told) => told.exit(),
    };
    match run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::error(&error);
            ExitCode::from(EXIT_ERROR)
        }
    }
}

fn run(cli: Cli) -> eyre::Result<u8> {
    // Reports of errors, not of panics: the panic hook is ours (telemetry::crash).
    let (_, errors) = color_eyre::config::HookBuilder::default().display_env_section(false).into_hooks();
    errors.install()?;
    match cli.command {
        Some(Command::Completions(arguments)) => return manual::completions(&arguments),
        Some(Command::Man) => return manual::page(),
        // It has limits of its own.
        Some(Command::Parser { planned }) => {
            parsers::child::run(planned).wrap_err("this is started by Peanut itself, to parse what it hands over")?;
            return Ok(EXIT_OK);
        }
        Some(Command::Config(ref arguments)) if arguments.example => return manual::example(),
        _ => {}
    }
    limits::enough_files()?;
    let overrides =
        Overrides { config_file: cli.global.config, data_dir: cli.global.data_dir, log_level: cli.global.log_level };
    let config = Config::load(&overrides, &Environment::of_process())?;
    let program = called(&overrides);
    parse_in_processes();
    telemetry::crash::install(config.crash_dir(), crate::app::restore_terminal);
    let is_headless = matches!(cli.command, Some(Command::Serve(_)));
    let (_log, unwritten) = telemetry::log::start(&config.log_dir(), &config.log_level, is_headless)?;
    if let Some(reason) = &unwritten {
        let folder = config.log_dir();
        output::note(format!("peanut: warning: cannot write logs to {}: {reason}; all else works", folder.display()));
    }
    let stays = matches!(cli.command, None | Some(Command::Serve(_)));
    let _running = if stays { running(&config) } else { None };
    if !config.unused_services.is_empty() {
        tracing::warn!(variables = config.unused_services.join(","), "service_addresses_not_used_by_this_version");
    }
    if matches!(cli.command, None | Some(Command::Config(_))) {
        keys_are_usable(&config)?;
    }
    match cli.command {
        None => {
            screen::is_possible()?;
            app::run(config, program)
        }
        Some(Command::Ingest(arguments)) => ingest::run(config, arguments),
        Some(Command::Search(arguments)) => search::run(config, arguments),
        Some(Command::Get(arguments)) => get::run(config, &arguments),
        Some(Command::Status(arguments)) => status::run(config, &arguments),
        Some(Command::Serve(arguments)) => serve::run(config, arguments),
        Some(Command::Why(arguments)) => why::run(config, &arguments),
        Some(Command::Restore(arguments)) => restore::run(config, &arguments),
        Some(Command::Doctor(arguments)) => doctor::run(config, &arguments),
        Some(Command::Check(arguments)) => check::run(config, &arguments),
        Some(Command::Copy(arguments)) => copy::copy(&config, &arguments),
        Some(Command::Export(arguments)) => export::run(&config, &arguments),
        Some(Command::Graph(arguments)) => graph::run(config, &arguments),
        Some(Command::Reindex(arguments)) => reindex::run(config, &arguments),
        Some(Command::Eval(arguments)) => eval::run(config, &arguments),
        Some(Command::Keys(arguments)) => keys::run(config, arguments),
        Some(Command::Mcp(arguments)) => mcp::run(config, &arguments),
        Some(Command::Config(_)) => manual::show(&config),
        Some(Command::Completions(_) | Command::Man | Command::Parser { .. }) => Ok(EXIT_OK),
    }
}

/// How a shell calls this program for the same store: with the options it was given.
fn called(overrides: &Overrides) -> String {
    let mut words = vec!["peanut".to_owned()];
    let options = [("--config", &overrides.config_file), ("--data-dir", &overrides.data_dir)];
    for (option, path) in options.into_iter().filter_map(|(option, path)| Some((option, path.as_ref()?))) {
        // It may be typed in another folder.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let text = path.to_string_lossy();
        words.extend([
            option.to_owned(),
            shlex::try_quote(&text).map_or_else(|_| text.to_string(), |word| word.to_string()),
        ]);
    }
    words.join(" ")
}

/// The mark of a process that stays; without one all works, only its end without a word would not be known.
fn running(config: &Config) -> Option<telemetry::unclean::Running> {
    let begun = telemetry::unclean::begin(&config.crash_dir());
    begun.inspect_err(|error| tracing::warn!(%error, "end_of_this_process_will_not_be_known")).ok()
}

/// Keys that cannot be used, with the file and lines where they stand.
fn keys_are_usable(config: &Config) -> eyre::Result<()> {
    let Err(error) = crate::app::keymap::Keymap::with_overrides(&config.keys) else { return Ok(()) };
    let mut lines: Vec<usize> = error.actions.iter().filter_map(|name| config.key_lines.get(name)).copied().collect();
    lines.sort_unstable();
    let lines = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let file = config.file.as_deref().unwrap_or(std::path::Path::new("")).display();
    Err(eyre::eyre!("configuration {file}, line {lines}: {error}"))
}

/// Below the screen's 0, above the parsers' 10 and the background model's 19.
const BACKGROUND_NICENESS: i32 = 5;

/// A runtime for commands that look or work once.
fn runtime() -> eyre::Result<tokio::runtime::Runtime> {
    workers(|| {})
}

/// The runtime behind the screen: its threads, and those they start (the store's writer among them), give way to the
/// thread that reads keys and draws.
fn background_runtime() -> eyre::Result<tokio::runtime::Runtime> {
    workers(|| {
        let own = rustix::process::Pid::from_raw(rustix::thread::gettid().as_raw_nonzero().get());
        // Linux keeps a priority per thread; where it is refused, the thread is an ordinary one.
        let _ = rustix::process::setpriority_process(own, BACKGROUND_NICENESS);
    })
}

fn workers(on_start: impl Fn() + Send + Sync + 'static) -> eyre::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(2).thread_name("peanut-worker").on_thread_start(on_start).enable_all();
    builder.build().wrap_err("cannot start the runtime")
}
