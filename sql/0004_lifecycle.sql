-- 0004_lifecycle.sql - what happens to a job, and where a version comes from

-- Larger is claimed first.
ALTER TABLE job ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
-- Times in a row that the job brought the process down, as far as is known.
ALTER TABLE job ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
-- The network's latest version when the job first ran; -1: it has not yet.
ALTER TABLE job ADD COLUMN base_version INTEGER NOT NULL DEFAULT -1;
-- The job whose result this one is to reproduce; 0: none, it makes a version.
ALTER TABLE job ADD COLUMN verifies INTEGER NOT NULL DEFAULT 0;
-- The ended job whose last state this one went on from; 0: none.
ALTER TABLE job ADD COLUMN continues INTEGER NOT NULL DEFAULT 0;

-- Why the job has the status it has, a word for programs, and since when.
ALTER TABLE job ADD COLUMN reason TEXT NOT NULL DEFAULT 'submitted';
ALTER TABLE job ADD COLUMN changed_ms INTEGER NOT NULL DEFAULT 0;

-- for JOB_CLAIM
CREATE INDEX job_queue ON job (status, priority DESC, id);

-- Every status a job has had, when and why.  The id is a sequence number over
-- all jobs: it grows, and is never used twice.
CREATE TABLE job_event (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    status TEXT    NOT NULL, -- from then on
    reason TEXT    NOT NULL,
    epoch  INTEGER NOT NULL, -- epochs done, as of the checkpoint
    at_ms  INTEGER NOT NULL
) STRICT;

-- for EVENT_LIST_JOB
CREATE INDEX job_event_job ON job_event (job_id, id);

-- Triggers, so that no statement can change a status and forget to tell.
CREATE TRIGGER job_submitted AFTER INSERT ON job BEGIN
    INSERT INTO job_event (job_id, status, reason, epoch, at_ms)
    VALUES (NEW.id, NEW.status, NEW.reason, NEW.epoch, NEW.changed_ms);
END;
CREATE TRIGGER job_changed AFTER UPDATE OF status ON job
WHEN NEW.status <> OLD.status BEGIN
    INSERT INTO job_event (job_id, status, reason, epoch, at_ms)
    VALUES (NEW.id, NEW.status, NEW.reason, NEW.epoch, NEW.changed_ms);
END;

-- What a checkpoint's bytes must have.  NULL: written by an older program.
ALTER TABLE checkpoint ADD COLUMN sha256 TEXT;

-- How many versions are kept beside version 0, the pinned one and the latest;
-- 0: all of them.
ALTER TABLE network ADD COLUMN keep_versions INTEGER NOT NULL DEFAULT 0;

-- The job whose last state is kept, to be continued; 0: none.
ALTER TABLE network ADD COLUMN state_job INTEGER NOT NULL DEFAULT 0;

-- JSON: what made it (the job's spec, the version it started from, program).
ALTER TABLE version ADD COLUMN origin TEXT;

-- Requests that may be sent twice: the client's key, what it stood for, and
-- the job that it made.
CREATE TABLE idempotency (
    key        TEXT    PRIMARY KEY,
    sha256     TEXT    NOT NULL, -- of the request's body
    job_id     INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    created_ms INTEGER NOT NULL
) STRICT;

-- for IDEMPOTENCY_EXPIRE
CREATE INDEX idempotency_created ON idempotency (created_ms);
-- for deleting a job
CREATE INDEX idempotency_job ON idempotency (job_id);
