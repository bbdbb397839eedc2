-- Every chunk is found by words: quotes and signatures too, and names (the document's file, attachments, people), which
-- are chunks of their own. "searchable" says that a chunk is in the word index. What a store of an older version lacks
-- is made when it is opened (store::postgres::older).
CREATE INDEX chunk_unindexed ON chunk (id) WHERE NOT searchable;

CREATE FUNCTION chunk_total_update() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO document_change
    SELECT source_type, deleted_at IS NULL, 0, 0, CASE WHEN NEW.searchable THEN 1 ELSE -1 END
    FROM document WHERE seq = NEW.document_seq;
    RETURN NULL;
END $$;
CREATE TRIGGER chunk_total_update AFTER UPDATE OF searchable ON chunk FOR EACH ROW
    WHEN (OLD.searchable <> NEW.searchable) EXECUTE FUNCTION chunk_total_update();

-- Documents of before, up to last_seq, and up to where they were looked at for a title and names to be found by.
CREATE TABLE completion (
    single   BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (single),
    done_seq BIGINT  NOT NULL,
    last_seq BIGINT  NOT NULL
);
INSERT INTO completion (done_seq, last_seq) SELECT 0, coalesce(max(seq), 0) FROM document;
