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
