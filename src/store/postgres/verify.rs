//! The deep check: the engine's own, then the promises of the store, each as one query that must find nothing.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::store::Integrity;
use crate::store::shared::ledger::FILE_CHECKS;
use crate::store::shared::texts::{PROMISE, told};

use super::{ONE_MOMENT, PostgresStore, texts};

/// Violations named per check; more are only counted.
const NAMED: usize = 10;

/// What must hold: in words, and a query whose rows (one text each) are the violations.
const CHECKS: [(&str, &str); 16] = [
    (
        "chunks of a document are numbered 0..n without gaps",
        "SELECT 'document ' || document.id FROM chunk JOIN document ON document.seq = chunk.document_seq
         GROUP BY document.seq HAVING min(ordinal) <> 0 OR max(ordinal) <> count(*) - 1
            OR count(DISTINCT ordinal) <> count(*)",
    ),
    (
        "every document has a text to be found by",
        "SELECT 'document ' || id FROM document WHERE NOT EXISTS
            (SELECT 1 FROM chunk WHERE document_seq = document.seq AND kind IN ('body', 'attachment'))",
    ),
    (
        "every chunk is searchable",
        "SELECT 'chunk ' || id FROM chunk WHERE NOT searchable",
    ),
    (
        "the searches know which documents are retired",
        "SELECT 'document ' || id FROM document LEFT JOIN search_retired ON document_seq = seq
            WHERE (deleted_at IS NOT NULL) <> coalesce(retired, FALSE)",
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
        "SELECT 'document ' || id FROM document
         WHERE changed_at >= (SELECT pruned_before FROM outbox_mark)
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
            WHERE vector IS NOT NULL AND vector_dims(vector) <> model.dimension",
    ),
    (
        "vectors and jobs belong to texts, and no chunk has both in one model",
        "SELECT 'chunk ' || chunk_id FROM (SELECT chunk_id FROM embedding UNION SELECT chunk_id FROM embedding_job) AS held
            WHERE NOT EXISTS (SELECT 1 FROM chunk WHERE id = held.chunk_id AND kind IN ('body', 'attachment'))
         UNION ALL SELECT 'chunk ' || job.chunk_id FROM embedding_job AS job
            JOIN embedding ON embedding.chunk_id = job.chunk_id AND embedding.model_seq = job.model_seq",
    ),
    (
        "totals of documents and chunks are right",
        "SELECT source_type || CASE WHEN live THEN ' live' ELSE ' deleted' END FROM (
            (SELECT * FROM document_total WHERE documents <> 0 OR chunks <> 0 OR searchable_chunks <> 0
             EXCEPT SELECT source_type, live, count(*), sum(chunks), sum(searchable_chunks) FROM (
                SELECT source_type, deleted_at IS NULL AS live, coalesce(held.chunks, 0) AS chunks,
                    coalesce(held.searchable_chunks, 0) AS searchable_chunks
                FROM document LEFT JOIN (SELECT document_seq, count(*) AS chunks,
                        count(*) FILTER (WHERE searchable) AS searchable_chunks FROM chunk GROUP BY document_seq) AS held
                    ON held.document_seq = document.seq) AS sized GROUP BY source_type, live)) AS wrong
         UNION ALL SELECT 'documents'
            WHERE (SELECT coalesce(sum(documents), 0) FROM document_total) <> (SELECT count(*) FROM document)
         UNION ALL SELECT 'persons'
            WHERE (SELECT value FROM counter_total WHERE name = 'persons') <> (SELECT count(*) FROM person)",
    ),
    (
        "totals of vectors and jobs are right",
        "SELECT model.name FROM model JOIN embedding_total AS total ON total.model_seq = model.seq
         LEFT JOIN (SELECT model_seq, count(*) AS done FROM embedding GROUP BY model_seq) AS held
            ON held.model_seq = model.seq
         LEFT JOIN (SELECT model_seq, count(*) FILTER (WHERE state = 'pending') AS pending,
                count(*) FILTER (WHERE state = 'processing') AS processing,
                count(*) FILTER (WHERE state = 'failed') AS failed FROM embedding_job GROUP BY model_seq) AS job
            ON job.model_seq = model.seq
         WHERE (total.done, total.pending, total.processing, total.failed) IS DISTINCT FROM
            (coalesce(held.done, 0), coalesce(job.pending, 0), coalesce(job.processing, 0), coalesce(job.failed, 0))",
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
        "SELECT state FROM file_total AS total WHERE (files, seen, documents, duplicates, unchanged, dead_letters, skipped) <> (
            SELECT count(*), coalesce(sum(seen), 0), coalesce(sum(documents), 0), coalesce(sum(duplicates), 0),
                coalesce(sum(unchanged), 0), coalesce(sum(dead_letters), 0), coalesce(sum(skipped), 0)
            FROM file WHERE file.state = total.state)",
    ),
    (
        "totals of the graph are right",
        "SELECT name FROM counter_total WHERE name = 'graph_edges'
            AND value <> (SELECT count(*) FROM graph_edge WHERE invalid_at IS NULL)
         UNION ALL SELECT name FROM counter_total AS total WHERE name IN ('graph_person', 'graph_document', 'graph_concept')
            AND value <> (SELECT count(*) FROM graph_node WHERE 'graph_' || label = total.name
                AND (degree > 0 OR (label = 'document' AND NOT deleted)))
         UNION ALL SELECT 'node ' || node.id FROM graph_node AS node LEFT JOIN (
                SELECT seq, count(*) AS edges FROM (
                    SELECT from_seq AS seq FROM graph_edge WHERE invalid_at IS NULL
                    UNION ALL SELECT to_seq FROM graph_edge WHERE invalid_at IS NULL AND from_seq <> to_seq) AS ends
                GROUP BY seq) AS touched ON touched.seq = node.seq
            WHERE degree <> coalesce(touched.edges, 0)",
    ),
    (
        "stored JSON is readable",
        "SELECT 'chunk ' || id FROM chunk WHERE place IS NOT JSON
         UNION ALL SELECT 'document ' || id FROM document
            WHERE reference_ids IS NOT JSON OR attachments IS NOT JSON OR aliases IS NOT JSON",
    ),
];

/// What the engine says of itself, asked the same way.
const ENGINE_CHECKS: [(&str, &str); 3] = [
    (
        "every index is complete",
        "SELECT 'index ' || indexrelid::regclass FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
            WHERE relnamespace = current_schema()::regnamespace AND NOT (indisvalid AND indisready)",
    ),
    (
        "every constraint holds for every row",
        "SELECT 'constraint ' || conname FROM pg_constraint
            WHERE connamespace = current_schema()::regnamespace AND NOT convalidated",
    ),
    (
        "no page of the database failed its checksum",
        "SELECT 'database ' || datname || ': ' || checksum_failures || ' failures' FROM pg_stat_database
            WHERE datname = current_database() AND checksum_failures > 0",
    ),
];

/// What must hold of the search index.
const INDEX_PROMISE: &str = "the search index holds every searchable chunk and nothing else";

/// What is wrong with the search index, in words.
pub(super) async fn damaged_index(store: &PostgresStore) -> Result<Vec<String>, sqlx::Error> {
    let mut transaction = store.pool.begin_with(ONE_MOMENT).await?;
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *transaction).await?;
    let problems = store.search.damaged_index(&mut transaction).await?;
    transaction.commit().await?;
    Ok(problems)
}

/// Runs every check in one read transaction. They read whole tables, so each may take longer than other statements.
pub(super) async fn verify(store: &PostgresStore) -> Result<Integrity, sqlx::Error> {
    let mut integrity = Integrity::default();
    let mut transaction = store.pool.begin_with(ONE_MOMENT).await?;
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *transaction).await?;
    for (promise, sql) in ENGINE_CHECKS.into_iter().chain(CHECKS) {
        run(&mut transaction, promise, sql, &mut integrity).await?;
    }
    for (promise, sql) in FILE_CHECKS {
        let sql = format!("SELECT 'file ' || path FROM ({sql}) AS unsound ORDER BY path");
        run(&mut transaction, promise, &sql, &mut integrity).await?;
    }
    tell(INDEX_PROMISE, store.search.damaged_index(&mut transaction).await?, &mut integrity);
    let damaged = texts::damaged(&mut transaction).await?;
    tell(PROMISE, damaged.iter().map(told).collect(), &mut integrity);
    transaction.commit().await?;
    Ok(integrity)
}

async fn run(
    connection: &mut PgConnection,
    promise: &str,
    sql: &str,
    integrity: &mut Integrity,
) -> Result<(), sqlx::Error> {
    let violations: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).persistent(false).fetch_all(connection).await?;
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
