-- 0006_live.sql - networks that learn while they serve

-- What the next update of a network by train_on_batch needs beside its weights.
CREATE TABLE live (
    network_id INTEGER PRIMARY KEY REFERENCES network ON DELETE CASCADE,
    version    INTEGER NOT NULL, -- the one that the last update made
    steps      INTEGER NOT NULL, -- updates so far
    optimizer  TEXT    NOT NULL, -- JSON
    n_bytes    INTEGER NOT NULL  -- of the optimiser's state
) STRICT;

-- The optimiser's state in pieces of 1 MiB, rewritten in place.
CREATE TABLE live_chunk (
    network_id INTEGER NOT NULL REFERENCES live ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    bytes      BLOB    NOT NULL,
    PRIMARY KEY (network_id, number)
) STRICT;
