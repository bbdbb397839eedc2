-- What the first search of a process reads, in a form that is read quickly. Derived: whatever is missing here is read
-- from the tables it was made of.

-- Covers what a search must know of every chunk; the chunks themselves lie among their texts.
DROP INDEX chunk_searchable;
DROP INDEX chunk_slots;
CREATE INDEX chunk_searchable ON chunk (id, document_seq, token_count, searchable) WHERE searchable = 1;

-- Codes of the vectors of one model with after_seq < embedding.seq <= last_seq, but for those that are gone since.
CREATE TABLE vector_block (
    model_seq INTEGER NOT NULL REFERENCES model (seq) ON DELETE CASCADE,
    after_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    vectors   INTEGER NOT NULL,
    codes     BLOB    NOT NULL,                        -- store::sqlite::search::blocks says how they lie
    UNIQUE (model_seq, last_seq)
) STRICT;

-- The vectors of one model in the order they came, however many of others came between.
CREATE INDEX embedding_of_model ON embedding (model_seq, seq) WHERE vector IS NOT NULL;
