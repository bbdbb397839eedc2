-- What is inserted by the thousand is counted once for each statement, in its transaction (store::sqlite::totals): a trigger
-- for every row took as long as the rows themselves. Changes and deletions go on being counted by triggers.
DROP TRIGGER document_total_insert;
DROP TRIGGER chunk_total_insert;
DROP TRIGGER embedding_total_insert;
DROP TRIGGER embedding_job_total_insert;
DROP TRIGGER outbox_total_insert;

-- A commit writes one segment of the word index; they are merged by the sixteen now, and rewritten less often for that.
INSERT INTO chunk_words (chunk_words, rank) VALUES ('automerge', 16);
INSERT INTO chunk_words (chunk_words, rank) VALUES ('crisismerge', 48);
