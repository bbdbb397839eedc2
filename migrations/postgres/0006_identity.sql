-- What tells mails with one Message-ID apart, what files hold that a document of another file holds already, and by what
-- a change of a file is noticed.

-- SHA-256 of what a reader sees of a mail: of two with one Message-ID, equal ones are one mail. NULL: of before this.
ALTER TABLE document ADD COLUMN fingerprint BYTEA;

ALTER TABLE file ADD COLUMN stamp BIGINT;               -- inode, times, rights and owner as a number; 0: not to be relied on
ALTER TABLE file ADD COLUMN device BIGINT;              -- the device it lay on when it was offered
ALTER TABLE file ADD COLUMN content_sha256 BYTEA;       -- of the whole file as last read; NULL for archives

-- Items of files that are no documents, since a document of another place holds the same. When that document goes, or
-- gets other content, their files are read again.
CREATE TABLE duplicate (
    path         TEXT    COLLATE "C" NOT NULL,
    position     BIGINT  NOT NULL,                      -- byte offset; -1 for the whole file
    document_seq BIGINT  NOT NULL REFERENCES document (seq) ON DELETE CASCADE,
    pass         BIGINT  NOT NULL,                      -- pass of the file in which it was met last
    PRIMARY KEY (path, position)
);
CREATE INDEX duplicate_document ON duplicate (document_seq);

-- Nobody noted whom the duplicates of before repeat, and mails were called that for their Message-ID alone.
UPDATE file SET state = 'queued', bytes_done = 0, head_sha256 = NULL
    WHERE duplicates > 0 AND state IN ('indexed', 'duplicate');
