-- What the search legs read besides the tables of 0001.

-- Everything the in-memory indexes need of a chunk without touching its text.
CREATE INDEX chunk_slots ON chunk (id, document_seq, token_count) WHERE searchable = 1;

CREATE INDEX document_deleted ON document (seq) WHERE deleted_at IS NOT NULL;

-- Postings and frequencies of single terms, for searches before the in-memory index is ready.
CREATE VIRTUAL TABLE chunk_words_instance USING fts5vocab (chunk_words, instance);
CREATE VIRTUAL TABLE chunk_words_row USING fts5vocab (chunk_words, row);
