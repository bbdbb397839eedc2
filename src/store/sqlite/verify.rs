//! The deep check: the engine's own, then the promises of the store, each as one query that must find nothing.

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::store::Integrity;
use crate::store::shared::ledger::FILE_CHECKS;
use crate::store::shared::texts::{PROMISE, told};

use super::error::is_damage;
use super::{SqliteStore, texts};

/// Violations named per check; more are only counted.
const NAMED: usize = 10;

/// What must hold: in words, and a query whose rows (one text each) are the violations.
const CHECKS: [(&str, &str); 15] = [
    (
        "chunks of a document are numbered 0..n without gaps",
        "SELECT 'document ' || hex(document.id) FROM chunk JOIN document ON document.seq = chunk.document_seq
         GROUP BY chunk.document_seq HAVING min(ordinal) <> 0 OR max(ordinal) <> count(*) - 1
            OR count(DISTINCT ordinal) <> count(*)",
    ),
    (
        "every document has a text to be found by",
        "SELECT 'document ' || hex(id) FROM document WHERE NOT EXISTS
            (SELECT 1 FROM chunk WHERE document_seq = document.seq AND kind IN ('body', 'attachment'))",
    ),
    (
        "every chunk is searchable",
        "SELECT 'chunk ' || id FROM chunk WHERE searchable = 0",
    ),
    (
        "no two documents are the same mail",
        "SELECT 'Message-ID ' || message_id FROM document WHERE message_id IS NOT NULL AND fingerprint IS NOT NULL
            GROUP BY message_id, fingerprint HAVING count(*) > 1",
    ),
    (
        "no two live documents (mails apart) come from the same file",
        "SELECT 'path ' || source_path FROM document WHERE deleted_at IS NULL AND source_type NOT IN ('mail', 'note')
            GROUP BY source_path HAVING count(*) > 1",
    ),
    (
        "every document has an outbox event as young as its last change",
        "SELECT 'document ' || hex(id) FROM document
         WHERE changed_at >= (SELECT value FROM counter WHERE name = 'outbox_pruned_before')
           AND NOT EXISTS (SELECT 1 FROM outbox WHERE entity_id = document.id AND recorded_at >= document.changed_at)",
    ),
    (
        "counts of finished files add up",
        "SELECT 'file ' || path || ': ' || seen || ' seen, ' || (documents + duplicates + unchanged + dead_letters + skipped)
            || ' accounted for' FROM file WHERE state IN ('indexed', 'duplicate', 'failed', 'skipped')
            AND seen <> documents + duplicates + unchanged + dead_letters + skipped",
    ),
    (
        "vectors have their model's dimension",
        "SELECT 'chunk ' || chunk_id || ' in ' || model.name FROM embedding JOIN model ON model.seq = embedding.model_seq
            WHERE vector IS NOT NULL AND length(vector) <> 4 * model.dimension",
    ),
    (
        "vectors and jobs belong to texts, and no chunk has both in one model",
        "SELECT 'chunk ' || chunk_id FROM (SELECT chunk_id FROM embedding UNION SELECT chunk_id FROM embedding_job)
            WHERE chunk_id NOT IN (SELECT id FROM chunk INDEXED BY chunk_searchable
                WHERE searchable = 1 AND kind IN ('body', 'attachment'))
         UNION ALL SELECT 'chunk ' || job.chunk_id FROM embedding_job AS job
            JOIN embedding ON embedding.chunk_id = job.chunk_id AND embedding.model_seq = job.model_seq",
    ),
    (
        "totals of documents and chunks are right",
        "SELECT source_type || CASE live WHEN 1 THEN ' live' ELSE ' deleted' END FROM (
            SELECT source_type, live, documents, chunks, searchable_chunks FROM document_total WHERE documents <> 0 OR chunks <> 0
            EXCEPT SELECT source_type, live, count(*), sum(chunks), sum(searchable_chunks) FROM (
                SELECT source_type, deleted_at IS NULL AS live,
                    (SELECT count(*) FROM chunk WHERE document_seq = seq) AS chunks,
                    (SELECT count(*) FROM chunk WHERE document_seq = seq AND searchable = 1) AS searchable_chunks
                FROM document) GROUP BY source_type, live)
         UNION ALL SELECT 'documents' WHERE (SELECT coalesce(sum(documents), 0) FROM document_total) <> (SELECT count(*) FROM document)
         UNION ALL SELECT 'persons' WHERE (SELECT value FROM counter WHERE name = 'persons') <> (SELECT count(*) FROM person)",
    ),
    (
        "totals of vectors and jobs are right",
        "SELECT model.name FROM model LEFT JOIN embedding_total AS total ON total.model_seq = model.seq
         WHERE total.done IS NOT (SELECT count(*) FROM embedding WHERE model_seq = model.seq)
            OR total.pending IS NOT (SELECT count(*) FROM embedding_job WHERE model_seq = model.seq AND state = 'pending')
            OR total.processing IS NOT (SELECT count(*) FROM embedding_job WHERE model_seq = model.seq AND state = 'processing')
            OR total.failed IS NOT (SELECT count(*) FROM embedding_job WHERE model_seq = model.seq AND state = 'failed')",
    ),
    (
        "totals of the outbox are right",
        "SELECT event_type FROM outbox_total AS total
         WHERE pending <> (SELECT count(*) FROM outbox WHERE event_type = total.event_type AND state IN ('pending', 'claimed'))
            OR dead <> (SELECT count(*) FROM outbox WHERE event_type = total.event_type AND state = 'dead')
            OR processed < (SELECT count(*) FROM outbox WHERE event_type = total.event_type AND state = 'processed')",
    ),
    (
        "totals of the ledger are right",
        "SELECT state FROM file_total AS total WHERE (files, seen, documents, duplicates, unchanged, dead_letters, skipped) IS NOT (
            SELECT count(*), coalesce(sum(seen), 0), coalesce(sum(documents), 0), coalesce(sum(duplicates), 0),
                coalesce(sum(unchanged), 0), coalesce(sum(dead_letters), 0), coalesce(sum(skipped), 0)
            FROM file WHERE file.state = total.state)",
    ),
    (
        "totals of the graph are right",
        "SELECT name FROM counter WHERE name = 'graph_edges'
            AND value <> (SELECT count(*) FROM graph_edge WHERE invalid_at IS NULL)
         UNION ALL SELECT name FROM counter WHERE name IN ('graph_person', 'graph_document', 'graph_concept')
            AND value <> (SELECT count(*) FROM graph_node WHERE 'graph_' || label = counter.name
                AND (degree > 0 OR (label = 'document' AND deleted = 0)))
         UNION ALL SELECT 'node ' || hex(id) FROM graph_node AS node
            WHERE degree <> (SELECT count(*) FROM graph_edge WHERE from_seq = node.seq AND invalid_at IS NULL)
                + (SELECT count(*) FROM graph_edge WHERE to_seq = node.seq AND from_seq <> node.seq AND invalid_at IS NULL)",
    ),
    (
        "stored JSON is readable",
        "SELECT 'chunk ' || id FROM chunk WHERE NOT json_valid(place)
         UNION ALL SELECT 'document ' || hex(id) FROM document
            WHERE NOT (json_valid(reference_ids) AND json_valid(attachments) AND json_valid(aliases))",
    ),
];

/// What must hold of the search index.
const INDEX_PROMISE: &str =
    "the search index holds every searchable chunk and nothing else, and its files are as they were";

/// Runs every check. The engine's own run on the writing connection, the rest in one read transaction.
pub(super) async fn verify(store: &SqliteStore) -> Result<Integrity, sqlx::Error> {
    let mut integrity = Integrity::default();
    check_engine(store, &mut integrity).await?;
    let mut transaction = store.reader.begin().await?;
    for (promise, sql) in CHECKS {
        run(&mut transaction, promise, sql, &mut integrity).await?;
    }
    for (promise, sql) in FILE_CHECKS {
        let sql = format!("SELECT 'file ' || path FROM ({sql}) AS unsound ORDER BY path");
        run(&mut transaction, promise, &sql, &mut integrity).await?;
    }
    tell(INDEX_PROMISE, store.damaged_index(&mut transaction).await?, &mut integrity);
    let damaged = texts::damaged(&mut transaction).await?;
    tell(PROMISE, damaged.iter().map(told).collect(), &mut integrity);
    transaction.commit().await?;
    Ok(integrity)
}

async fn check_engine(store: &SqliteStore, integrity: &mut Integrity) -> Result<(), sqlx::Error> {
    let mut connection = store.reader.acquire().await?;
    let report = match sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut *connection).await {
        Err(error) if is_damage(&error) => vec![error.to_string()],
        report => report?,
    };
    integrity.checked.push("the database file is sound (integrity_check)".into());
    integrity
        .problems
        .extend(report.into_iter().filter(|line: &String| line != "ok").map(|line| format!("database file: {line}")));
    run(
        &mut connection,
        "every reference leads to a row (foreign_key_check)",
        "SELECT 'table ' || \"table\" || ' row ' || coalesce(rowid, '?') FROM pragma_foreign_key_check",
        integrity,
    )
    .await?;
    Ok(())
}

async fn run(
    connection: &mut SqliteConnection,
    promise: &str,
    sql: &str,
    integrity: &mut Integrity,
) -> Result<(), sqlx::Error> {
    let asked = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).persistent(false).fetch_all(connection).await;
    let violations: Vec<String> = match asked {
        // What the engine cannot read is a finding, and no reason to look no further.
        Err(error) if is_damage(&error) => vec![format!("the part of the file that cannot be read ({error})")],
        asked => asked?,
    };
    tell(promise, violations, integrity);
    Ok(())
}

/// Writes down what was checked, and the violations: some by name, the rest as a number.
fn tell(promise: &str, violations: Vec<String>, integrity: &mut Integrity) {
    integrity.checked.push(promise.to_owned());
    let more = violations.len().saturating_sub(NAMED);
    for violation in violations.into_iter().take(NAMED) {
        integrity.problems.push(format!("{promise}: not so for {violation}"));
    }
    if more > 0 {
        integrity.problems.push(format!("{promise}: not so for {more} more"));
    }
}
