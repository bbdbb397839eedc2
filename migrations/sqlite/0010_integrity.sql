-- "Pnut": what tells a store of Peanut's from the database of another program, which is refused before it is touched.
PRAGMA application_id = 1349416308;

-- One of very many mails with one Message-ID is found without looking at all of them, and so is the one at a place.
CREATE INDEX document_mail ON document (fingerprint, message_id) WHERE message_id IS NOT NULL;
DROP INDEX document_source_path;
CREATE INDEX document_source_path ON document (source_path, source_offset);

-- Documents that were brought back although their files are gone: until now their files did not say so.
UPDATE file SET reason = 'the file is gone; what was brought back of it is kept here'
    WHERE state = 'retired' AND origin <> 'drop_zone'
      AND EXISTS (SELECT 1 FROM document WHERE source_path = file.path AND deleted_at IS NULL);
