-- Which version of domain::terms made the word index. When it is another than the program's, the index is made anew from
-- the texts when the store is opened (store::sqlite::terms): chunks up to last_id, and up to done_id it is done.
CREATE TABLE word_terms (
    single  INTEGER PRIMARY KEY CHECK (single = 1),
    version INTEGER NOT NULL,
    done_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL
) STRICT;
INSERT INTO word_terms (single, version, done_id, last_id) VALUES (1, 0, 0, 0);
