-- 0002_training.sql - restarts, the test of learning rates, figures of layers

-- Which restart of its job an epoch belongs to; NULL: the job has but one.
ALTER TABLE epoch ADD COLUMN restart INTEGER;

-- What "learning_rate": "auto" tried and chose: JSON; NULL: not asked for.
ALTER TABLE job ADD COLUMN learning_rate_test TEXT;

-- How the layers did in an epoch; not of every epoch of a long job.
CREATE TABLE epoch_layer (
    job_id        INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    epoch         INTEGER NOT NULL,
    layer         INTEGER NOT NULL,
    gradient_norm REAL,
    update_ratio  REAL,
    PRIMARY KEY (job_id, epoch, layer)
) STRICT, WITHOUT ROWID;
