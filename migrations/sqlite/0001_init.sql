-- Documents, people, chunks, words, vectors. Times are milliseconds since the epoch; ids are 16-byte UUIDs.
CREATE TABLE document (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,  -- dense number for bitmaps and joins
    id              BLOB    NOT NULL UNIQUE,
    source_key      TEXT    NOT NULL UNIQUE,
    source_type     TEXT    NOT NULL,
    source_path     TEXT    NOT NULL,
    source_offset   INTEGER,
    content_sha256  BLOB    NOT NULL,
    title           TEXT    NOT NULL,
    dated_at        INTEGER,
    ingested_at     INTEGER NOT NULL,
    changed_at      INTEGER NOT NULL,
    deleted_at      INTEGER,
    deleted_reason  TEXT,                               -- deleted | file_gone
    message_id      TEXT,
    in_reply_to     TEXT,
    reference_ids   TEXT    NOT NULL DEFAULT '[]',      -- JSON array, oldest first
    attachments     TEXT    NOT NULL DEFAULT '[]',      -- JSON array of names
    aliases         TEXT    NOT NULL DEFAULT '[]'       -- JSON array
) STRICT;
CREATE INDEX document_source_path ON document (source_path);
CREATE INDEX document_content ON document (content_sha256);
CREATE INDEX document_in_reply_to ON document (in_reply_to) WHERE in_reply_to IS NOT NULL;
CREATE INDEX document_message_id ON document (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX document_dated_at ON document (dated_at);

CREATE TABLE document_tag (
    document_seq INTEGER NOT NULL REFERENCES document (seq) ON DELETE CASCADE,
    tag          TEXT    NOT NULL,
    PRIMARY KEY (document_seq, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_tag_tag ON document_tag (tag);

CREATE TABLE person (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB    NOT NULL UNIQUE,
    email        TEXT,                                   -- normalised, NULL when known by name only
    display_name TEXT    NOT NULL,
    pii          INTEGER NOT NULL DEFAULT 0,
    first_seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE document_person (
    document_seq INTEGER NOT NULL REFERENCES document (seq) ON DELETE CASCADE,
    person_seq   INTEGER NOT NULL REFERENCES person (seq),
    role         TEXT    NOT NULL,                       -- from | to | cc | bcc | author
    name         TEXT,                                   -- as this document writes it
    PRIMARY KEY (document_seq, role, person_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_person_person ON document_person (person_seq);

CREATE TABLE chunk (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,     -- grows in commit order, never reused
    document_seq  INTEGER NOT NULL REFERENCES document (seq) ON DELETE CASCADE,
    ordinal       INTEGER NOT NULL,
    kind          TEXT    NOT NULL,                      -- body | attachment | quoted | signature
    searchable    INTEGER NOT NULL,                      -- 1 for body and attachment
    text          TEXT    NOT NULL,
    overlap_bytes INTEGER NOT NULL,
    context       TEXT    NOT NULL,
    place         TEXT    NOT NULL,                      -- JSON of domain::Place
    token_count   INTEGER NOT NULL,
    text_sha256   BLOB    NOT NULL
) STRICT;
CREATE INDEX chunk_document ON chunk (document_seq, ordinal);
CREATE INDEX chunk_text ON chunk (text_sha256);

-- Terms of every searchable chunk of every document, deleted ones included (searches filter); rowid = chunk.id.
-- The text is made by domain::terms: lower-case, stemmed, blanks between; the tokenizer only splits at them.
CREATE VIRTUAL TABLE chunk_words USING fts5 (
    terms, content = '', contentless_delete = 1, tokenize = "ascii tokenchars '_'"
);

CREATE TABLE model (
    seq           INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    dimension     INTEGER NOT NULL,
    registered_at INTEGER NOT NULL
) STRICT;

-- f32 little-endian, unit length; NULL when the text has nothing to embed. seq grows in commit order:
-- the in-memory index reads what is newer than it has seen.
CREATE TABLE embedding (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    model_seq INTEGER NOT NULL REFERENCES model (seq),
    chunk_id  INTEGER NOT NULL REFERENCES chunk (id) ON DELETE CASCADE,
    vector    BLOB,
    UNIQUE (chunk_id, model_seq)
) STRICT;

-- Told to the in-memory indexes: chunks that were removed, and documents that were retired or restored.
CREATE TABLE search_change (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    chunk_id     INTEGER,
    document_seq INTEGER
) STRICT;


-- What documents say about each other and about concepts.

-- Names a link may use for a document: path without extension (exact), and lower-cased file stem, title and aliases.
CREATE TABLE document_name (
    name         TEXT    NOT NULL,
    document_seq INTEGER NOT NULL REFERENCES document (seq) ON DELETE CASCADE,
    PRIMARY KEY (name, document_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_name_document ON document_name (document_seq);

-- One row per concept ever named; id is name-based on the lower-cased label, the first spelling seen is shown.
CREATE TABLE concept (
    seq   INTEGER PRIMARY KEY,
    id    BLOB    NOT NULL UNIQUE,
    label TEXT    NOT NULL
) STRICT;

CREATE TABLE document_concept (
    document_seq INTEGER NOT NULL REFERENCES document (seq) ON DELETE CASCADE,
    concept_seq  INTEGER NOT NULL REFERENCES concept (seq),
    PRIMARY KEY (document_seq, concept_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE document_link (
    document_seq INTEGER NOT NULL REFERENCES document (seq) ON DELETE CASCADE,
    kind         TEXT    NOT NULL,                      -- wikilink | file | url
    target       TEXT    NOT NULL,                      -- as written
    target_name  TEXT,                                  -- the document_name it looks for; NULL leads nowhere of ours
    concept_seq  INTEGER REFERENCES concept (seq),      -- what an unresolved wikilink stands for
    PRIMARY KEY (document_seq, kind, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_link_name ON document_link (target_name) WHERE target_name IS NOT NULL;

-- Which messages name which Message-ID in In-Reply-To or References: finds the answers to a message.
-- message_hash is 64 bits of SHA-256; readers compare the ids themselves in document.
CREATE TABLE document_reference (
    message_hash INTEGER NOT NULL,
    document_seq INTEGER NOT NULL REFERENCES document (seq) ON DELETE CASCADE,
    PRIMARY KEY (message_hash, document_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_reference_document ON document_reference (document_seq);

-- In which pass over its archive a message was last met: tells a second copy from a message that moved within the file.
CREATE TABLE archive_message (
    document_seq INTEGER PRIMARY KEY REFERENCES document (seq) ON DELETE CASCADE,
    pass         INTEGER NOT NULL
) STRICT;


-- Jobs that are not done: pending, processing or failed. A finished job is a row of embedding instead.
CREATE TABLE embedding_job (
    model_seq   INTEGER NOT NULL REFERENCES model (seq),
    chunk_id    INTEGER NOT NULL REFERENCES chunk (id) ON DELETE CASCADE,
    state       TEXT    NOT NULL DEFAULT 'pending',
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER,                                -- NULL: at once
    worker      TEXT,
    lease_until INTEGER,
    error       TEXT,
    PRIMARY KEY (model_seq, chunk_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX embedding_job_chunk ON embedding_job (chunk_id);
CREATE INDEX embedding_job_pending ON embedding_job (model_seq, chunk_id) WHERE state = 'pending';
CREATE INDEX embedding_job_processing ON embedding_job (model_seq, lease_until) WHERE state = 'processing';
CREATE INDEX embedding_job_failed ON embedding_job (model_seq) WHERE state = 'failed';
CREATE INDEX chunk_searchable ON chunk (id, document_seq) WHERE searchable = 1;


-- Facts on their way to the graph, appended in the transaction that made them true.
CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    event_type   TEXT    NOT NULL,
    entity_id    BLOB    NOT NULL,
    recorded_at  INTEGER NOT NULL,
    state        TEXT    NOT NULL DEFAULT 'pending',    -- pending | claimed | dead | processed
    attempts     INTEGER NOT NULL DEFAULT 0,
    retry_at     INTEGER,                               -- set while parked
    worker       TEXT,
    lease_until  INTEGER,
    error        TEXT,
    dead_at      INTEGER,
    processed_at INTEGER
) STRICT;
CREATE INDEX outbox_entity ON outbox (entity_id);
CREATE INDEX outbox_pending ON outbox (id) WHERE state = 'pending';
CREATE INDEX outbox_claimed ON outbox (lease_until) WHERE state = 'claimed';
CREATE INDEX outbox_dead ON outbox (dead_at) WHERE state = 'dead';
CREATE INDEX outbox_parked ON outbox (retry_at) WHERE retry_at IS NOT NULL;


-- The ledger.
CREATE TABLE file (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    path          TEXT    NOT NULL UNIQUE,
    path_folded   TEXT,                                 -- Unicode lower case, when ASCII lower case is not enough
    origin        TEXT    NOT NULL,
    source_type   TEXT,
    state         TEXT    NOT NULL,
    reason        TEXT,
    size_bytes    INTEGER NOT NULL,
    modified_at   INTEGER NOT NULL,
    bytes_done    INTEGER NOT NULL DEFAULT 0,
    head_sha256   BLOB,
    seen          INTEGER NOT NULL DEFAULT 0,
    documents     INTEGER NOT NULL DEFAULT 0,
    duplicates    INTEGER NOT NULL DEFAULT 0,
    unchanged     INTEGER NOT NULL DEFAULT 0,
    dead_letters  INTEGER NOT NULL DEFAULT 0,
    skipped       INTEGER NOT NULL DEFAULT 0,
    offered_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    worker        TEXT,
    lease_until   INTEGER,
    lease_ms      INTEGER,                              -- what a commit extends the lease by
    offered_again INTEGER NOT NULL DEFAULT 0,           -- 1: changed while in hand, queue again afterwards; 2: and read it all
    pass          INTEGER NOT NULL DEFAULT 0,           -- times it was claimed
    pass_start    INTEGER NOT NULL DEFAULT 0            -- offset where the present pass began to read
) STRICT;
CREATE INDEX file_queue ON file (offered_at, seq) WHERE state = 'queued';
CREATE INDEX file_in_hand ON file (lease_until) WHERE state = 'parsing';
CREATE INDEX file_state ON file (state, updated_at);

CREATE TABLE dead_letter (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    path            TEXT    NOT NULL,
    position        INTEGER NOT NULL,                   -- byte offset; -1 for the whole file
    error           TEXT    NOT NULL,
    attempts        INTEGER NOT NULL,
    next_retry_at   INTEGER,                            -- NULL: given up
    retrying        INTEGER NOT NULL DEFAULT 0,         -- its file was queued for the retry
    pass            INTEGER,                            -- pass of the file in which it failed last
    first_failed_at INTEGER NOT NULL,
    last_failed_at  INTEGER NOT NULL,
    UNIQUE (path, position)
) STRICT;
CREATE INDEX dead_letter_retry ON dead_letter (next_retry_at) WHERE next_retry_at IS NOT NULL;
CREATE INDEX dead_letter_failed ON dead_letter (last_failed_at);

CREATE TABLE folder (
    path     TEXT    PRIMARY KEY,
    excludes TEXT    NOT NULL,                          -- JSON array
    added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;


CREATE TABLE setting (
    key        TEXT    PRIMARY KEY,
    value      TEXT    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE worker (
    name         TEXT    NOT NULL,
    host         TEXT    NOT NULL,
    pid          INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    detail       TEXT    NOT NULL,
    restarts     INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL,
    PRIMARY KEY (host, pid, name)
) STRICT, WITHOUT ROWID;


-- The embedded graph. Edges name nodes by number: small keys, written nearly in order.
CREATE TABLE graph_node (
    seq         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    label       TEXT    NOT NULL,                       -- person | document | concept
    name        TEXT    NOT NULL,                       -- display name, title, label
    email       TEXT,
    pii         INTEGER NOT NULL DEFAULT 0,
    source_path TEXT,
    source_type TEXT,
    ingested_at INTEGER,
    deleted     INTEGER NOT NULL DEFAULT 0,             -- documents: the last projection found it retired
    degree      INTEGER NOT NULL DEFAULT 0              -- true edges that touch it; kept by triggers
) STRICT;

CREATE TABLE graph_edge (
    from_seq   INTEGER NOT NULL REFERENCES graph_node (seq),
    kind       TEXT    NOT NULL,
    to_seq     INTEGER NOT NULL REFERENCES graph_node (seq),
    field      TEXT    NOT NULL DEFAULT '',
    valid_at   INTEGER NOT NULL,
    invalid_at INTEGER,
    PRIMARY KEY (from_seq, kind, to_seq, field)
) STRICT, WITHOUT ROWID;
CREATE INDEX graph_edge_to ON graph_edge (to_seq);


-- Totals the status line asks for every second, kept by triggers so that no way of writing can forget them.
CREATE TABLE document_total (
    source_type       TEXT    NOT NULL,
    live              INTEGER NOT NULL,
    documents         INTEGER NOT NULL DEFAULT 0,
    chunks            INTEGER NOT NULL DEFAULT 0,
    searchable_chunks INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source_type, live)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER document_total_insert AFTER INSERT ON document BEGIN
    INSERT INTO document_total (source_type, live, documents) VALUES (NEW.source_type, NEW.deleted_at IS NULL, 1)
        ON CONFLICT (source_type, live) DO UPDATE SET documents = documents + 1;
END;
CREATE TRIGGER document_total_delete BEFORE DELETE ON document BEGIN
    DELETE FROM chunk WHERE document_seq = OLD.seq;
    UPDATE document_total SET documents = documents - 1
        WHERE source_type = OLD.source_type AND live = (OLD.deleted_at IS NULL);
END;
CREATE TRIGGER document_total_update AFTER UPDATE OF deleted_at, source_type ON document
WHEN (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL) OR OLD.source_type <> NEW.source_type BEGIN
    UPDATE document_total SET
        documents = documents - 1,
        chunks = chunks - (SELECT count(*) FROM chunk WHERE document_seq = OLD.seq),
        searchable_chunks = searchable_chunks - (SELECT count(*) FROM chunk WHERE document_seq = OLD.seq AND searchable = 1)
        WHERE source_type = OLD.source_type AND live = (OLD.deleted_at IS NULL);
    INSERT INTO document_total (source_type, live, documents, chunks, searchable_chunks)
        SELECT NEW.source_type, NEW.deleted_at IS NULL, 1, count(*), coalesce(sum(searchable), 0)
        FROM chunk WHERE document_seq = NEW.seq
        ON CONFLICT (source_type, live) DO UPDATE SET
            documents = documents + 1,
            chunks = chunks + excluded.chunks,
            searchable_chunks = searchable_chunks + excluded.searchable_chunks;
END;
CREATE TRIGGER chunk_total_insert AFTER INSERT ON chunk BEGIN
    UPDATE document_total SET chunks = chunks + 1, searchable_chunks = searchable_chunks + NEW.searchable
        WHERE (source_type, live) = (SELECT source_type, deleted_at IS NULL FROM document WHERE seq = NEW.document_seq);
END;
CREATE TRIGGER chunk_total_delete AFTER DELETE ON chunk BEGIN
    UPDATE document_total SET chunks = chunks - 1, searchable_chunks = searchable_chunks - OLD.searchable
        WHERE (source_type, live) = (SELECT source_type, deleted_at IS NULL FROM document WHERE seq = OLD.document_seq);
END;

CREATE TABLE counter (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('persons', 0), ('outbox_pruned_before', 0), ('graph_edges', 0),
    ('graph_person', 0), ('graph_document', 0), ('graph_concept', 0);
CREATE TRIGGER person_total_insert AFTER INSERT ON person BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'persons';
END;
CREATE TRIGGER person_total_delete AFTER DELETE ON person BEGIN
    UPDATE counter SET value = value - 1 WHERE name = 'persons';
END;

CREATE TABLE embedding_total (
    model_seq  INTEGER PRIMARY KEY REFERENCES model (seq) ON DELETE CASCADE,
    done       INTEGER NOT NULL DEFAULT 0,
    pending    INTEGER NOT NULL DEFAULT 0,
    processing INTEGER NOT NULL DEFAULT 0,
    failed     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TRIGGER embedding_total_model AFTER INSERT ON model BEGIN
    INSERT INTO embedding_total (model_seq) VALUES (NEW.seq);
END;
CREATE TRIGGER embedding_total_insert AFTER INSERT ON embedding BEGIN
    UPDATE embedding_total SET done = done + 1 WHERE model_seq = NEW.model_seq;
END;
CREATE TRIGGER embedding_total_delete AFTER DELETE ON embedding BEGIN
    UPDATE embedding_total SET done = done - 1 WHERE model_seq = OLD.model_seq;
END;
CREATE TRIGGER embedding_job_total_insert AFTER INSERT ON embedding_job BEGIN
    UPDATE embedding_total SET pending = pending + (NEW.state = 'pending'),
        processing = processing + (NEW.state = 'processing'), failed = failed + (NEW.state = 'failed')
        WHERE model_seq = NEW.model_seq;
END;
CREATE TRIGGER embedding_job_total_update AFTER UPDATE OF state ON embedding_job WHEN OLD.state <> NEW.state BEGIN
    UPDATE embedding_total SET pending = pending + (NEW.state = 'pending') - (OLD.state = 'pending'),
        processing = processing + (NEW.state = 'processing') - (OLD.state = 'processing'),
        failed = failed + (NEW.state = 'failed') - (OLD.state = 'failed')
        WHERE model_seq = NEW.model_seq;
END;
CREATE TRIGGER embedding_job_total_delete AFTER DELETE ON embedding_job BEGIN
    UPDATE embedding_total SET pending = pending - (OLD.state = 'pending'),
        processing = processing - (OLD.state = 'processing'), failed = failed - (OLD.state = 'failed')
        WHERE model_seq = OLD.model_seq;
END;

-- pending counts claimed events too; processed never shrinks, whatever is pruned.
CREATE TABLE outbox_total (
    event_type TEXT    PRIMARY KEY,
    pending    INTEGER NOT NULL DEFAULT 0,
    dead       INTEGER NOT NULL DEFAULT 0,
    processed  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO outbox_total (event_type) VALUES
    ('document_added'), ('document_changed'), ('document_deleted'), ('person_merged'), ('entity_deleted');
CREATE TRIGGER outbox_total_insert AFTER INSERT ON outbox BEGIN
    UPDATE outbox_total SET pending = pending + 1 WHERE event_type = NEW.event_type;
END;
CREATE TRIGGER outbox_total_update AFTER UPDATE OF state ON outbox
WHEN (OLD.state IN ('pending', 'claimed')) <> (NEW.state IN ('pending', 'claimed')) OR (OLD.state = 'dead') <> (NEW.state = 'dead') BEGIN
    UPDATE outbox_total SET
        pending = pending + (NEW.state IN ('pending', 'claimed')) - (OLD.state IN ('pending', 'claimed')),
        dead = dead + (NEW.state = 'dead') - (OLD.state = 'dead'),
        processed = processed + (NEW.state = 'processed') - (OLD.state = 'processed')
        WHERE event_type = NEW.event_type;
END;

CREATE TABLE file_total (
    state         TEXT    PRIMARY KEY,
    files         INTEGER NOT NULL DEFAULT 0,
    seen          INTEGER NOT NULL DEFAULT 0,
    documents     INTEGER NOT NULL DEFAULT 0,
    duplicates    INTEGER NOT NULL DEFAULT 0,
    unchanged     INTEGER NOT NULL DEFAULT 0,
    dead_letters  INTEGER NOT NULL DEFAULT 0,
    skipped       INTEGER NOT NULL DEFAULT 0,
    bytes_waiting INTEGER NOT NULL DEFAULT 0            -- bytes not yet read of these files
) STRICT, WITHOUT ROWID;
INSERT INTO file_total (state) VALUES
    ('queued'), ('parsing'), ('indexed'), ('duplicate'), ('failed'), ('skipped'), ('retired');
CREATE TRIGGER file_total_insert AFTER INSERT ON file BEGIN
    UPDATE file_total SET files = files + 1, seen = seen + NEW.seen, documents = documents + NEW.documents,
        duplicates = duplicates + NEW.duplicates, unchanged = unchanged + NEW.unchanged,
        dead_letters = dead_letters + NEW.dead_letters, skipped = skipped + NEW.skipped,
        bytes_waiting = bytes_waiting + max(NEW.size_bytes - NEW.bytes_done, 0)
        WHERE state = NEW.state;
END;
CREATE TRIGGER file_total_update AFTER UPDATE ON file BEGIN
    UPDATE file_total SET files = files - 1, seen = seen - OLD.seen, documents = documents - OLD.documents,
        duplicates = duplicates - OLD.duplicates, unchanged = unchanged - OLD.unchanged,
        dead_letters = dead_letters - OLD.dead_letters, skipped = skipped - OLD.skipped,
        bytes_waiting = bytes_waiting - max(OLD.size_bytes - OLD.bytes_done, 0)
        WHERE state = OLD.state;
    UPDATE file_total SET files = files + 1, seen = seen + NEW.seen, documents = documents + NEW.documents,
        duplicates = duplicates + NEW.duplicates, unchanged = unchanged + NEW.unchanged,
        dead_letters = dead_letters + NEW.dead_letters, skipped = skipped + NEW.skipped,
        bytes_waiting = bytes_waiting + max(NEW.size_bytes - NEW.bytes_done, 0)
        WHERE state = NEW.state;
END;

-- A node counts while a true edge touches it, a document also while it is not deleted.
CREATE TRIGGER graph_node_total_insert AFTER INSERT ON graph_node
WHEN NEW.degree > 0 OR (NEW.label = 'document' AND NEW.deleted = 0) BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'graph_' || NEW.label;
END;
CREATE TRIGGER graph_node_total_update AFTER UPDATE OF degree, deleted ON graph_node
WHEN (OLD.degree > 0 OR (OLD.label = 'document' AND OLD.deleted = 0))
  <> (NEW.degree > 0 OR (NEW.label = 'document' AND NEW.deleted = 0)) BEGIN
    UPDATE counter SET value = value + CASE WHEN OLD.degree > 0 OR (OLD.label = 'document' AND OLD.deleted = 0) THEN -1 ELSE 1 END
        WHERE name = 'graph_' || NEW.label;
END;
CREATE TRIGGER graph_node_total_delete AFTER DELETE ON graph_node
WHEN OLD.degree > 0 OR (OLD.label = 'document' AND OLD.deleted = 0) BEGIN
    UPDATE counter SET value = value - 1 WHERE name = 'graph_' || OLD.label;
END;
CREATE TRIGGER graph_edge_total_insert AFTER INSERT ON graph_edge WHEN NEW.invalid_at IS NULL BEGIN
    UPDATE graph_node SET degree = degree + 1 WHERE seq IN (NEW.from_seq, NEW.to_seq);
    UPDATE counter SET value = value + 1 WHERE name = 'graph_edges';
END;
CREATE TRIGGER graph_edge_total_update AFTER UPDATE OF invalid_at ON graph_edge
WHEN (OLD.invalid_at IS NULL) <> (NEW.invalid_at IS NULL) BEGIN
    UPDATE graph_node SET degree = degree + CASE WHEN NEW.invalid_at IS NULL THEN 1 ELSE -1 END
        WHERE seq IN (NEW.from_seq, NEW.to_seq);
    UPDATE counter SET value = value + CASE WHEN NEW.invalid_at IS NULL THEN 1 ELSE -1 END WHERE name = 'graph_edges';
END;
CREATE TRIGGER graph_edge_total_delete AFTER DELETE ON graph_edge WHEN OLD.invalid_at IS NULL BEGIN
    UPDATE graph_node SET degree = degree - 1 WHERE seq IN (OLD.from_seq, OLD.to_seq);
    UPDATE counter SET value = value - 1 WHERE name = 'graph_edges';
END;
