-- The search index lies in segments and blocks (src/index), named by their content, in pieces of some megabytes. A process
-- holds small ones in memory and keeps a copy of large ones in its data folder, by their names. All of it can be made anew
-- from chunk and embedding, and is, when the store is opened and it is not there (store::postgres::terms). The segments of
-- 0002 go, and the graphs of vectors.
DROP TABLE word_block;
DROP TABLE word_segment;
DELETE FROM word_gone;
DO $$ DECLARE graph TEXT; BEGIN
    FOR graph IN SELECT indexrelid::regclass FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indrelid = 'embedding'::regclass AND starts_with(relname, 'embedding_graph_')
    LOOP
        EXECUTE 'DROP INDEX ' || graph;
    END LOOP;
END $$;

-- Numbers of segments and blocks together: whose a piece is, is told by one number.
CREATE SEQUENCE index_segment_id AS BIGINT;

-- Terms of every searchable chunk of every document, deleted ones included (searches filter). A commit writes one segment;
-- they are merged from time to time. No row is ever updated.
CREATE TABLE word_segment (
    id         BIGINT PRIMARY KEY DEFAULT nextval('index_segment_id'),
    name       TEXT   COLLATE "C" NOT NULL,             -- of its content
    chunks     BIGINT NOT NULL,
    first_id   BIGINT NOT NULL,                         -- its first and last chunk
    last_id    BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL
);

-- When a vector was written: the transaction's number, as in word_gone. Vectors of before are older than any.
ALTER TABLE embedding ADD COLUMN written_by BIGINT NOT NULL DEFAULT 0;
ALTER TABLE embedding ALTER COLUMN written_by SET DEFAULT pg_current_xact_id()::TEXT::BIGINT;
CREATE INDEX embedding_written ON embedding (model_seq, written_by, chunk_id) WHERE vector IS NOT NULL;

-- Codes of the vectors of one model whose (written_by, chunk_id) is behind the first key here and not behind the last, but for
-- those that are gone since. All transactions up to the last key had ended when it was packed.
CREATE TABLE vector_segment (
    id          BIGINT PRIMARY KEY DEFAULT nextval('index_segment_id'),
    model_seq   BIGINT NOT NULL REFERENCES model (seq) ON DELETE CASCADE,
    name        TEXT   COLLATE "C" NOT NULL,
    vectors     BIGINT NOT NULL,
    after_xact  BIGINT NOT NULL,
    after_chunk BIGINT NOT NULL,
    last_xact   BIGINT NOT NULL,
    last_chunk  BIGINT NOT NULL,
    size_bytes  BIGINT NOT NULL,
    UNIQUE (model_seq, last_xact, last_chunk)
);

CREATE TABLE index_piece (
    segment_id BIGINT  NOT NULL,
    piece      INTEGER NOT NULL,
    bytes      BYTEA   NOT NULL,
    PRIMARY KEY (segment_id, piece)
);
-- Packed already: compressing costs time and gains nothing.
ALTER TABLE index_piece ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- By triggers, so that no way of deleting can forget the pieces.
CREATE FUNCTION index_segment_gone() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM index_piece USING gone WHERE index_piece.segment_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER word_segment_gone AFTER DELETE ON word_segment REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION index_segment_gone();
CREATE TRIGGER vector_segment_gone AFTER DELETE ON vector_segment REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION index_segment_gone();

-- Another version than any: the index is made when the store is opened.
UPDATE word_terms SET version = 0, done_id = 0, last_id = 0;
