-- What a title was when it was stored, as its texts have it. Of documents of before it is written when they are.
ALTER TABLE document ADD COLUMN title_sha256 BLOB;
