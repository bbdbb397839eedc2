//! Documents: the tables `document`, `document_*`, `person`, `concept`, `chunk` and what a commit tells outbox and ledger.
