-- 0001_initial.sql - the first schema
--
-- Times are integer milliseconds since 1970, UTC.  JSON texts belong to the
-- program's upper floors; nothing here looks into them.

-- A network: what was asked for, and which of its versions predicts.
CREATE TABLE network (
    id              INTEGER PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    spec            TEXT    NOT NULL,            -- JSON, complete
    latest_version  INTEGER NOT NULL DEFAULT 0,  -- 0: the initial weights
    serving_version INTEGER NOT NULL DEFAULT -1, -- -1: the latest
    created_ms      INTEGER NOT NULL
) STRICT;

-- A version of a network's weights, and where they come from.
CREATE TABLE version (
    id             INTEGER PRIMARY KEY,
    network_id     INTEGER NOT NULL REFERENCES network ON DELETE CASCADE,
    version        INTEGER NOT NULL,
    job_id         INTEGER NOT NULL DEFAULT 0, -- 0: uploaded, or initial
    dataset        TEXT,
    dataset_sha256 TEXT,
    metrics        TEXT,                       -- JSON
    encoder        TEXT,                       -- JSON
    sha256         TEXT    NOT NULL,           -- of the weights
    n_bytes        INTEGER NOT NULL,
    created_ms     INTEGER NOT NULL,
    UNIQUE (network_id, version)
) STRICT;

-- Weights in pieces of 1 MiB, so that no single row is large.
CREATE TABLE weight_chunk (
    version_id INTEGER NOT NULL REFERENCES version ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    bytes      BLOB    NOT NULL,
    PRIMARY KEY (version_id, number)
) STRICT;

-- A dataset.  While its upload runs only its name is taken.
CREATE TABLE dataset (
    id         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    state      TEXT    NOT NULL CHECK (state IN ('loading', 'ready', 'deleting')),
    meta       TEXT    NOT NULL DEFAULT '',    -- JSON, of a ready one
    created_ms INTEGER NOT NULL
) STRICT;

-- Its rows, in chunks that only the dataset floor can read.
CREATE TABLE dataset_chunk (
    dataset_id INTEGER NOT NULL REFERENCES dataset ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    bytes      BLOB    NOT NULL,
    PRIMARY KEY (dataset_id, number)
) STRICT;

-- A training job.  Names stay when the network or dataset is deleted.
CREATE TABLE job (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    status        TEXT    NOT NULL CHECK (status IN ('queued', 'running',
                      'paused', 'succeeded', 'failed', 'cancelled')),
    network       TEXT    NOT NULL,
    network_id    INTEGER REFERENCES network ON DELETE SET NULL,
    dataset       TEXT    NOT NULL,
    dataset_id    INTEGER REFERENCES dataset ON DELETE SET NULL,
    validation    TEXT,                        -- another dataset it reads
    validation_id INTEGER REFERENCES dataset ON DELETE SET NULL,
    spec          TEXT    NOT NULL,            -- JSON, complete
    epoch         INTEGER NOT NULL DEFAULT 0,  -- epochs done
    metrics       TEXT,                        -- JSON, of the last epoch
    result        TEXT,                        -- JSON
    error         TEXT,                        -- JSON
    warnings      TEXT,                        -- JSON
    resumes       INTEGER NOT NULL DEFAULT 0,
    created_ms    INTEGER NOT NULL,
    started_ms    INTEGER NOT NULL DEFAULT 0,  -- 0: not yet
    finished_ms   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- for JOB_CLAIM and JOB_LIST_STATUS
CREATE INDEX job_status ON job (status, id);
-- for JOB_LIST_NETWORK
CREATE INDEX job_network ON job (network, id);
-- for NETWORK_BUSY, and for setting ids to null when a network goes
CREATE INDEX job_network_id ON job (network_id, status);
-- for DATASET_BUSY, and for setting ids to null when a dataset goes
CREATE INDEX job_dataset_id ON job (dataset_id, status);
-- for DATASET_BUSY, likewise
CREATE INDEX job_validation_id ON job (validation_id, status);

-- A job's history: one row an epoch.  NULL: does not apply.
CREATE TABLE epoch (
    job_id             INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    epoch              INTEGER NOT NULL,
    loss               REAL,
    accuracy           REAL,
    val_loss           REAL,
    val_accuracy       REAL,
    learning_rate      REAL,
    gradient_norm      REAL,
    seconds            REAL,
    samples_per_second REAL,
    PRIMARY KEY (job_id, epoch)
) STRICT, WITHOUT ROWID;

-- What a job needs to go on: the length and epoch of its last checkpoint…
CREATE TABLE checkpoint (
    job_id  INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    epoch   INTEGER NOT NULL,
    n_bytes INTEGER NOT NULL
) STRICT;

-- …and its bytes in pieces of 1 MiB, rewritten in place by the next one.
CREATE TABLE checkpoint_chunk (
    job_id INTEGER NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
    number INTEGER NOT NULL,
    bytes  BLOB    NOT NULL,
    PRIMARY KEY (job_id, number)
) STRICT;

-- Which program brought the file to which schema, and when.
CREATE TABLE schema_log (
    to_version INTEGER PRIMARY KEY,
    program    TEXT    NOT NULL,
    at_ms      INTEGER NOT NULL
) STRICT;
