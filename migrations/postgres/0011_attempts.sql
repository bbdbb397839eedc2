-- How often a file was taken in hand since anything came out of it: a file with which processes end again and again is
-- read alone, and at last not at all.
ALTER TABLE file ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
