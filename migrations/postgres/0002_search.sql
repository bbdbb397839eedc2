-- The words leg of search: an inverted index in immutable segments (what they hold: src/store/postgres/search/segment.rs).
--
-- A commit writes one segment; segments of a size are merged from time to time. Nothing here is ever updated, so a copy
-- of a block in any process's memory stays true. No foreign keys: blocks are written and deleted with their segment.
CREATE TABLE word_segment (
    id         BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chunks     BIGINT  NOT NULL,
    header     BYTEA   NOT NULL,                        -- chunks, documents, lengths, first term of every block
    dictionary BYTEA   NOT NULL                         -- every term with the number of its chunks, for suggestions
);
CREATE TABLE word_block (
    segment_id BIGINT  NOT NULL,
    block      INTEGER NOT NULL,
    bytes      BYTEA   NOT NULL,                        -- terms in order with their postings
    PRIMARY KEY (segment_id, block)
);
-- Packed already: compressing costs time and gains nothing.
ALTER TABLE word_segment ALTER COLUMN header SET STORAGE EXTERNAL, ALTER COLUMN dictionary SET STORAGE EXTERNAL;
ALTER TABLE word_block ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Chunks that segments still hold but the store does not. written_by is the transaction's number: a reader asks for what
-- was written by transactions that were running or had not begun when it looked last.
CREATE TABLE word_gone (
    chunk_id   BIGINT  PRIMARY KEY,
    written_by BIGINT  NOT NULL DEFAULT pg_current_xact_id()::TEXT::BIGINT
);
CREATE INDEX word_gone_written_by ON word_gone (written_by);

-- Documents that were ever retired, and whether they are now.
CREATE TABLE search_retired (
    document_seq BIGINT  PRIMARY KEY REFERENCES document (seq) ON DELETE CASCADE,
    retired      BOOLEAN NOT NULL,
    written_by   BIGINT  NOT NULL
);
CREATE INDEX search_retired_written_by ON search_retired (written_by);

-- Kept by triggers, so that no way of writing can forget them.
CREATE FUNCTION search_chunk_gone() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO word_gone (chunk_id) SELECT id FROM gone WHERE searchable ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER search_chunk_gone AFTER DELETE ON chunk REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION search_chunk_gone();

CREATE FUNCTION search_document_turned() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO search_retired (document_seq, retired, written_by)
        VALUES (NEW.seq, NEW.deleted_at IS NOT NULL, pg_current_xact_id()::TEXT::BIGINT)
        ON CONFLICT (document_seq) DO UPDATE SET retired = excluded.retired, written_by = excluded.written_by;
    RETURN NULL;
END $$;
CREATE TRIGGER search_document_turned AFTER UPDATE OF deleted_at ON document FOR EACH ROW
    WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)) EXECUTE FUNCTION search_document_turned();
CREATE TRIGGER search_document_born_retired AFTER INSERT ON document FOR EACH ROW
    WHEN (NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION search_document_turned();
