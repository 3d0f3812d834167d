-- 0010_keys.sql - a key outlives its job
--
-- A request that is sent again after its job was deleted must not train a
-- second time: the job's row may go, and the key stays for its day.
CREATE TABLE idempotency_2 (
    key        TEXT    PRIMARY KEY,
    sha256     TEXT    NOT NULL, -- of the request's body
    job_id     INTEGER NOT NULL, -- which may have been deleted
    created_ms INTEGER NOT NULL
) STRICT;
INSERT INTO idempotency_2 (key, sha256, job_id, created_ms)
SELECT key, sha256, job_id, created_ms FROM idempotency;
DROP TABLE idempotency;
ALTER TABLE idempotency_2 RENAME TO idempotency;

-- for IDEMPOTENCY_EXPIRE
CREATE INDEX idempotency_created ON idempotency (created_ms);
