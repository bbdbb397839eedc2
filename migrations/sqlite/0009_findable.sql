-- Every chunk is found by words: quotes and signatures too, and names (the document's file, attachments, people), which
-- are chunks of their own. "searchable" says that a chunk is in the word index. What a store of an older version lacks
-- is made when it is opened (store::sqlite::older).
CREATE INDEX chunk_unindexed ON chunk (id) WHERE searchable = 0;

-- Searches must know of every chunk what it is.
DROP INDEX chunk_searchable;
CREATE INDEX chunk_searchable ON chunk (id, document_seq, token_count, kind, searchable) WHERE searchable = 1;

CREATE TRIGGER chunk_total_update AFTER UPDATE OF searchable ON chunk WHEN OLD.searchable <> NEW.searchable BEGIN
    UPDATE document_total SET searchable_chunks = searchable_chunks + NEW.searchable - OLD.searchable
        WHERE (source_type, live) =
            (SELECT source_type, deleted_at IS NULL FROM document WHERE seq = NEW.document_seq);
END;

-- Documents of before, up to last_seq, and up to where they were looked at for a title and names to be found by.
CREATE TABLE completion (
    single   INTEGER PRIMARY KEY CHECK (single = 1),
    done_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL
) STRICT;
INSERT INTO completion (single, done_seq, last_seq) SELECT 1, 0, coalesce(max(seq), 0) FROM document;
