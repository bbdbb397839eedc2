-- The host a file lies on: only its own processes can read it. NULL for files offered before hosts were told apart.
ALTER TABLE file ADD COLUMN host TEXT;
