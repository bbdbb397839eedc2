//! `peanut eval DIR…`: search quality on judged queries, on the real store and the real models.

use std::path::PathBuf;

use clap::Args;
use color_eyre::eyre;

use crate::config::Config;

use super::output;

#[derive(Args, Debug)]
pub(super) struct EvalArgs {
    /// Folders with corpus.jsonl, queries.jsonl and qrels
    #[arg(required = true, num_args = 1..)]
    folders: Vec<PathBuf>,
    /// Model to measure: static or minilm (which embeds the whole corpus first)
    #[arg(long, default_value = "static")]
    model: String,
    /// The table, as JSON
    #[arg(long)]
    json: bool,
}
