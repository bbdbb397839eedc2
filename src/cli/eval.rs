//! `peanut eval DIR…`: search quality on judged queries, on a store of its own, through the real pipeline and models.

use std::path::{Path, PathBuf};

use clap::Args;
use color_eyre::eyre::{self, WrapErr, eyre};
use sha2::{Digest, Sha256};

use crate::config::{BackgroundModel, Config};
use crate::domain::search::SearchMode;
use crate::domain::{DocumentId, NewDocument, SourceType};
use crate::embed::InstantEmbedder;
use crate::ingest::chunk::{ChunkOptions, chunk};
use crate::ingest::parse::{Parsed, Section};
use crate::runtime::shutdown::Shutdown;
use crate::runtime::wiring::{House, WorkerSet};
use crate::search::evaluation::{Collection, CorpusDocument, Report};
use crate::store::CommitBatch;

use super::{EXIT_OK, output, runtime};

/// Documents of one transaction.
const BATCH: usize = 200;
/// Weights of the vector leg that `--sweep` measures, in hundredths.
const SWEPT: std::ops::RangeInclusive<u8> = 40..=90;
const SWEEP_STEP: usize = 2;

#[derive(Args, Debug)]
pub(super) struct EvalArgs {
    /// Folders with corpus.jsonl, queries.jsonl and qrels.tsv
    #[arg(required = true, num_args = 1..)]
    folders: Vec<PathBuf>,
    /// The table, as JSON
    #[arg(long)]
    json: bool,
    /// Also measure the hybrid with other weights of the vector leg (the setting `search.vector_weight`)
    #[arg(long)]
    sweep: bool,
}

pub(super) fn run(config: Config, arguments: &EvalArgs) -> eyre::Result<u8> {
    let runtime = runtime()?;
    let mut reports = Vec::new();
    for folder in &arguments.folders {
        let collection = Collection::read(folder)?;
        output::note(format!("peanut: {}: {} documents", collection.name, collection.corpus.len()));
        reports.push(runtime.block_on(evaluate(&config, &collection, arguments.sweep))?);
    }
    if arguments.json {
        output::json(&reports)?;
    } else {
        print(&reports, config.background_model)?;
    }
    Ok(EXIT_OK)
}

/// Takes the collection into a store below a temporary folder and runs its queries there.
async fn evaluate(config: &Config, collection: &Collection, sweep: bool) -> eyre::Result<Report> {
    let folder = std::env::temp_dir().join(format!("peanut-eval-{}-{}", std::process::id(), collection.name));
    let _ = std::fs::remove_dir_all(&folder);
    let own = Config {
        store_path: folder.join("peanut.db"),
        drop_zone: folder.join("drop"),
        data_dir: folder.clone(),
        ..config.clone()
    };
    let result = evaluate_in(own, collection, sweep).await;
    std::fs::remove_dir_all(&folder).wrap_err_with(|| format!("cannot remove {}", folder.display()))?;
    result
}

async fn evaluate_in(config: Config, collection: &Collection, sweep: bool) -> eyre::Result<Report> {
    let shutdown = Shutdown::new();
    let house = House::open(config).await?;
    let running = house.try_start_workers(&shutdown, WorkerSet::IngestAndVectors).await?;
    let instant = crate::embed::builtin::StaticModel::open()?;
    let background: Vec<_> = house.background_models();
    for batch in collection.corpus.chunks(BATCH) {
        let documents = batch.iter().map(|document| build(document, &instant)).collect();
        let instant_model = Some(InstantEmbedder::model(&instant).clone());
        let now = house.clock.now();
        let batch = CommitBatch {
            documents,
            instant_model,
            background_models: background.clone(),
            now,
            ..CommitBatch::default()
        };
        house.recorder.commit(&batch).await?;
    }
    house.store.warm_up().await?;
    loop {
        let progress = house.store.embedding_progress().await?;
        let waiting: u64 = progress.iter().map(|model| model.pending + model.processing).sum();
        let failed: u64 = progress.iter().map(|model| model.failed).sum();
        output::progress(&format!("{}: {waiting} vectors to make", collection.name));
        if failed > 0 {
            return Err(eyre!("{failed} chunks could not be embedded; see the log"));
        }
        if waiting == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    output::progress("");
    let name =
        |path: &str| Path::new(path).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut report = collection.evaluate(&house.search, name).await?;
    for hundredths in SWEPT.step_by(SWEEP_STEP).filter(|_| sweep) {
        let weight = f32::from(hundredths) / 100.0;
        house.store.put_setting("search.vector_weight", &weight.to_string(), house.clock.now()).await?;
        house.search.forget_options();
        report.sweep.push((weight, collection.measure(&house.search, SearchMode::Hybrid, name).await?));
    }
    shutdown.soft().cancel();
    if let Some(running) = running {
        running.join(&shutdown).await;
    }
    house.leave().await;
    Ok(report)
}

/// A document as the pipeline would make it, named after its id.
fn build(document: &CorpusDocument, instant: &dyn InstantEmbedder) -> NewDocument {
    let title = if document.title.trim().is_empty() { &document.id } else { &document.title };
    let text = if document.text.trim().is_empty() { title } else { &document.text };
    let parsed = Parsed { sections: vec![Section { text: text.clone(), ..Section::default() }], ..Parsed::default() };
    let mut chunks = chunk(&parsed, title, None, ChunkOptions::default());
    for chunk in &mut chunks {
        let pieces = std::mem::take(&mut chunk.pieces);
        chunk.vector = instant.embed_pieces(&chunk.context, &pieces);
    }
    let key = format!("file:/corpus/{}", document.id);
    NewDocument {
        id: DocumentId::from_source_key(&key),
        source_type: SourceType::Text,
        source_path: format!("/corpus/{}", document.id),
        source_offset: None,
        content_sha256: Sha256::digest(key.as_bytes()).into(),
        fingerprint: None,
        source_key: key,
        title: title.clone(),
        dated_at: None,
        tags: Vec::new(),
        concepts: Vec::new(),
        aliases: Vec::new(),
        links: Vec::new(),
        people: Vec::new(),
        message: None,
        chunks,
    }
}

fn print(reports: &[Report], model: BackgroundModel) -> eyre::Result<()> {
    let name = match model {
        BackgroundModel::Minilm => "minilm-l6-w8",
        BackgroundModel::None => "static-256",
    };
    output::line(format!("model {name}"))?;
    output::line("collection     queries  mode     nDCG@10  Recall@5  Recall@100  MRR@10")?;
    for report in reports {
        let modes = [("words", report.words), ("vectors", report.vectors), ("hybrid", report.hybrid)];
        let modes = modes.map(|(mode, measures)| (mode.to_owned(), measures));
        let swept = report.sweep.iter().map(|(weight, measures)| (format!("at {weight:.2}"), *measures));
        for (mode, measures) in modes.into_iter().chain(swept) {
            output::line(format!(
                "{:<14} {:>7}  {mode:<8} {:>7.3}  {:>8.3}  {:>10.3}  {:>6.3}",
                report.collection,
                report.queries,
                measures.ndcg_10,
                measures.recall_5,
                measures.recall_100,
                measures.mrr_10
            ))?;
        }
    }
    Ok(())
}
