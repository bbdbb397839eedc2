-- Which version of domain::terms made the word index. When it is another than the program's, the index is made anew from
-- the texts when the store is opened (store::postgres::terms): chunks up to last_id, and up to done_id it is done.
CREATE TABLE word_terms (
    single  BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (single),
    version BIGINT  NOT NULL,
    done_id BIGINT  NOT NULL,
    last_id BIGINT  NOT NULL
);
INSERT INTO word_terms (version, done_id, last_id) VALUES (0, 0, 0);
