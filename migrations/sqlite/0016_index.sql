-- The search index lies in segments and blocks (src/index): small ones here, large ones in files beside the database, named
-- by their content. All of it can be made anew from chunk and embedding, and is, when the store is opened and it is not
-- there (store::sqlite::terms). FTS5 and the blocks of 0006 go.
DROP TABLE chunk_words_instance;
DROP TABLE chunk_words_row;
DROP TABLE chunk_words;
DROP TABLE vector_block;

-- Terms of every searchable chunk of every document, deleted ones included (searches filter). A commit writes one segment;
-- they are merged from time to time. No row is ever updated; a new one has a greater number than any before.
CREATE TABLE word_segment (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    chunks     INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    file       TEXT,                                    -- its name in the folder of the index
    bytes      BLOB,                                    -- or what it holds
    CHECK ((file IS NULL) <> (bytes IS NULL))
) STRICT;

-- Chunks that segments still hold but the store does not.
CREATE TABLE word_gone (
    chunk_id INTEGER PRIMARY KEY
) STRICT;

-- Codes of the vectors of one model with after_seq < embedding.seq <= last_seq, but for those that are gone since.
CREATE TABLE vector_segment (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    model_seq  INTEGER NOT NULL REFERENCES model (seq) ON DELETE CASCADE,
    after_seq  INTEGER NOT NULL,
    last_seq   INTEGER NOT NULL,
    vectors    INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    file       TEXT    NOT NULL,
    UNIQUE (model_seq, last_seq)
) STRICT;

-- Which documents answered a live message when all chunks up to chunk_id and all changes up to change_seq were there: one
-- bit a document, by number. The first search of a process goes on from here.
CREATE TABLE index_state (
    single     INTEGER PRIMARY KEY CHECK (single = 1),
    chunk_id   INTEGER NOT NULL,
    change_seq INTEGER NOT NULL,
    answers    BLOB    NOT NULL
) STRICT;

-- Told by the table itself, so that no way of deleting can forget it.
CREATE TRIGGER chunk_gone AFTER DELETE ON chunk WHEN OLD.searchable = 1 BEGIN
    INSERT OR IGNORE INTO word_gone (chunk_id) VALUES (OLD.id);
    INSERT INTO search_change (chunk_id) VALUES (OLD.id);
END;

-- Another version than any: the index is made when the store is opened.
UPDATE word_terms SET version = 0, done_id = 0, last_id = 0;
