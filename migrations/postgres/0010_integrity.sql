-- Which store this is: a database that was dropped and made anew under a running process has another.
CREATE TABLE store_identity (
    single BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (single),
    id     UUID    NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO store_identity DEFAULT VALUES;

-- One of very many mails with one Message-ID is found without looking at all of them, and so are the first of them and the one
-- at a place. Hashed: a Message-ID may be longer than an index holds.
CREATE INDEX document_mail ON document (hashtextextended(message_id, 0), fingerprint) WHERE message_id IS NOT NULL;
CREATE INDEX document_first_mail ON document (hashtextextended(message_id, 0), seq)
    WHERE message_id IS NOT NULL AND deleted_at IS NULL;
DROP INDEX document_source_path;
CREATE INDEX document_source_path ON document (source_path, source_offset);

-- Documents that were brought back although their files are gone: until now their files did not say so.
UPDATE file SET reason = 'the file is gone; what was brought back of it is kept here'
    WHERE state = 'retired' AND origin <> 'drop_zone'
      AND EXISTS (SELECT 1 FROM document WHERE source_path = file.path AND deleted_at IS NULL);
