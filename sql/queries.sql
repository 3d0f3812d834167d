-- queries.sql - every statement of the program, by name
--
-- "-- name: X" starts a statement; "-- scan ok: why" allows it to read a whole
-- table, which the unit test forbids otherwise.

-- name: BEGIN
BEGIN IMMEDIATE;
-- name: BEGIN_READ
BEGIN;
-- name: COMMIT
COMMIT;
-- name: ROLLBACK
ROLLBACK;
-- name: SAVEPOINT
SAVEPOINT one;
-- name: SAVEPOINT_RELEASE
RELEASE one;
-- name: SAVEPOINT_ROLLBACK
ROLLBACK TO one;

-- name: UNUSED_BYTES
-- scan ok: a number in the file's head
SELECT freelist_count * page_size
  FROM pragma_freelist_count, pragma_page_size;

-- name: CHECK_INTEGRITY
-- scan ok: the whole file is what it is about
SELECT integrity_check FROM pragma_integrity_check
 WHERE integrity_check <> 'ok';
-- name: CHECK_FOREIGN_KEYS
-- scan ok: the whole file is what it is about
SELECT 'a row of ' || "table" || ' refers to one of ' || "parent" ||
       ' that is not there'
  FROM pragma_foreign_key_check;

-- name: NETWORK_INSERT
INSERT INTO network (id, name, spec, serving_version, created_ms,
                     keep_versions)
VALUES ((SELECT id + 1 FROM last_id WHERE kind = 'network'), ?1, ?2, ?3, ?4,
        ?5);
-- name: NETWORK_GET
SELECT id, name, spec, latest_version, serving_version, created_ms,
       keep_versions
  FROM network WHERE name = ?1;
-- name: NETWORK_LIST
SELECT id, name, spec, latest_version, serving_version, created_ms,
       keep_versions
  FROM network WHERE name > ?1 ORDER BY name LIMIT ?2;
-- name: NETWORK_ID
SELECT id FROM network WHERE name = ?1;
-- name: NETWORK_BUSY
SELECT 1 FROM job WHERE network_id = ?1
   AND status IN ('queued', 'running', 'paused') LIMIT 1;
-- name: NETWORK_DELETE
DELETE FROM network WHERE id = ?1;
-- name: NETWORK_PIN
UPDATE network SET serving_version = ?2 WHERE id = ?1;
-- name: NETWORK_VERSIONS
SELECT latest_version, serving_version FROM network WHERE id = ?1;
-- name: NETWORK_KEEP
UPDATE network SET keep_versions = ?2 WHERE id = ?1;
-- name: NETWORK_STATE_JOB
SELECT state_job FROM network WHERE id = ?1;
-- name: NETWORK_STATE_DELETE
DELETE FROM checkpoint
 WHERE job_id = (SELECT state_job FROM network WHERE id = ?1);
-- name: NETWORK_STATE_JOB_SET
UPDATE network SET state_job = ?2 WHERE id = ?1;
-- name: NETWORK_NEXT_VERSION
UPDATE network SET latest_version = latest_version + 1 WHERE id = ?1
RETURNING latest_version;

-- name: VERSION_INSERT
INSERT INTO version (network_id, version, job_id, dataset, dataset_sha256,
                     metrics, encoder, sha256, n_bytes, created_ms, origin,
                     encoder_sha256)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);
-- name: VERSION_GET
SELECT network_id, version, job_id, dataset, dataset_sha256, metrics, encoder,
       sha256, n_bytes, created_ms, id, origin, encoder_sha256
  FROM version WHERE network_id = ?1 AND version = ?2;
-- name: VERSION_LIST
SELECT network_id, version, job_id, dataset, dataset_sha256, metrics, encoder,
       sha256, n_bytes, created_ms, id, origin, encoder_sha256
  FROM version WHERE network_id = ?1 AND version > ?2
 ORDER BY version LIMIT ?3;
-- name: VERSION_IN_USE
-- A job that has not ended may still have to read the version it started from.
SELECT 1 FROM job WHERE network_id = ?1 AND base_version = ?2
   AND status IN ('queued', 'running', 'paused') LIMIT 1;
-- name: VERSION_DELETE
DELETE FROM version WHERE network_id = ?1 AND version = ?2;
-- name: VERSION_RETAIN
-- All but the newest ones, version 0, the pinned one, those in use, and what
-- the newest and the pinned one were trained from: else nobody could verify.
WITH first_to_go AS (SELECT version FROM version
                      WHERE network_id = ?1 AND version > 0
                      ORDER BY version DESC LIMIT 1
                     OFFSET (SELECT keep_versions FROM network WHERE id = ?1)),
     pinned AS (SELECT serving_version AS version FROM network WHERE id = ?1)
DELETE FROM version
 WHERE network_id = ?1 AND version > 0
   AND version <= (SELECT version FROM first_to_go)
   AND version <> (SELECT version FROM pinned)
   AND version NOT IN (SELECT base_version FROM job WHERE network_id = ?1
                          AND status IN ('queued', 'running', 'paused'))
   AND version NOT IN (SELECT j.base_version
                         FROM version AS v JOIN job AS j ON j.id = v.job_id
                        WHERE v.network_id = ?1 AND j.continues = 0
                          AND (v.version > (SELECT version FROM first_to_go)
                            OR v.version = (SELECT version FROM pinned)))
   AND (SELECT keep_versions FROM network WHERE id = ?1) > 0;
-- name: WEIGHT_INSERT
INSERT INTO weight_chunk (version_id, number, bytes) VALUES (?1, ?2, ?3);
-- name: WEIGHT_LIST
SELECT bytes FROM weight_chunk WHERE version_id = ?1 ORDER BY number;

-- name: DATASET_INSERT
INSERT INTO dataset (id, name, state, created_ms)
VALUES ((SELECT id + 1 FROM last_id WHERE kind = 'dataset'), ?1, 'loading', ?2);
-- name: DATASET_READY
UPDATE dataset SET state = 'ready', meta = ?2, n_chunks = ?3
 WHERE id = ?1 AND state = 'loading';
-- name: DATASET_GET
SELECT id, name, meta, created_ms, revision, n_chunks
  FROM dataset WHERE name = ?1 AND state = 'ready';
-- name: DATASET_GET_REVISION
SELECT d.id, d.name, r.meta, r.created_ms, r.revision, r.n_chunks
  FROM dataset AS d JOIN dataset_revision AS r ON r.dataset_id = d.id
 WHERE d.name = ?1 AND d.state = 'ready' AND r.revision = ?2;
-- name: DATASET_LIST
SELECT id, name, meta, created_ms, revision, n_chunks
  FROM dataset WHERE name > ?1 AND state = 'ready' ORDER BY name LIMIT ?2;
-- name: DATASET_APPEND
-- One upload of more rows at a time.
UPDATE dataset SET appending = 1
 WHERE name = ?1 AND state = 'ready' AND appending = 0;
-- name: DATASET_KEEP_REVISION
INSERT INTO dataset_revision (dataset_id, revision, meta, n_chunks, created_ms)
SELECT id, revision, meta, n_chunks, created_ms FROM dataset WHERE id = ?1;
-- name: DATASET_APPENDED
UPDATE dataset SET appending = 0, revision = revision + 1, meta = ?2,
       n_chunks = ?3, created_ms = ?4
 WHERE id = ?1 AND appending = 1 AND state = 'ready';
-- name: DATASET_APPEND_END
UPDATE dataset SET appending = 0 WHERE id = ?1;
-- name: DATASET_IS_APPENDING
SELECT 1 FROM dataset WHERE id = ?1 AND appending = 1;
-- name: DATASET_APPENDING
-- scan ok: once, at start
SELECT id FROM dataset WHERE appending = 1 LIMIT 1;
-- name: DATASET_ID
SELECT id FROM dataset WHERE name = ?1 AND state = 'ready';
-- name: DATASET_BUSY
SELECT 1 FROM job WHERE dataset_id = ?1
   AND status IN ('queued', 'running', 'paused')
UNION ALL
SELECT 1 FROM job WHERE validation_id = ?1
   AND status IN ('queued', 'running', 'paused')
 LIMIT 1;
-- name: DATASET_HIDE
-- The row of a dataset that goes gives its name back at once.
UPDATE dataset SET state = 'deleting', name = ' ' || id WHERE id = ?1;
-- name: DATASET_HIDE_LOADING
-- scan ok: once, at start
UPDATE dataset SET state = 'deleting', name = ' ' || id
 WHERE state = 'loading';
-- name: DATASET_DELETING
-- scan ok: once, at start
SELECT id FROM dataset WHERE state = 'deleting' LIMIT 1;
-- name: DATASET_DELETE
DELETE FROM dataset WHERE id = ?1 AND state = 'deleting';
-- name: DATASET_COUNT
-- scan ok: once an upload, where their number has a limit
SELECT count(*) FROM dataset WHERE state <> 'deleting';
-- name: DATASET_USAGE
-- scan ok: where their bytes have a limit and seem to have reached it; of a
-- chunk, only its first page is read
SELECT coalesce(sum(length(bytes)), 0) FROM dataset_chunk;
-- name: CHUNK_INSERT
INSERT INTO dataset_chunk (dataset_id, number, bytes, sha256)
VALUES (?1, ?2, ?3, ?4);
-- name: CHUNK_LIST
SELECT c.dataset_id, c.number, c.bytes, c.sha256, d.name
  FROM dataset_chunk AS c JOIN dataset AS d ON d.id = c.dataset_id
 WHERE c.dataset_id = ?1 AND c.number > ?2 AND c.number < ?3
 ORDER BY c.number LIMIT 1;
-- name: CHUNK_NEXT
-- Of all datasets.
SELECT c.dataset_id, c.number, c.bytes, c.sha256, d.name
  FROM dataset_chunk AS c JOIN dataset AS d ON d.id = c.dataset_id
 WHERE (c.dataset_id, c.number) > (?1, ?2)
 ORDER BY c.dataset_id, c.number LIMIT 1;
-- name: CHECK_CHUNKS
-- scan ok: all datasets are what it is about
SELECT 'rows of dataset ''' || name || ''' are missing'
  FROM dataset AS d
 WHERE state = 'ready' AND n_chunks <> (SELECT count(*) FROM dataset_chunk
                                         WHERE dataset_id = d.id
                                           AND number < d.n_chunks);
-- name: CHUNK_PLACE_INSERT
INSERT INTO chunk_place (dataset_id, number, first_row, end_row)
VALUES (?1, ?2, ?3, ?4);
-- name: CHUNK_LIST_ROWS
SELECT c.dataset_id, c.number, c.bytes, c.sha256, d.name
  FROM chunk_place AS p JOIN dataset_chunk AS c
    ON c.dataset_id = p.dataset_id AND c.number = p.number
  JOIN dataset AS d ON d.id = p.dataset_id
 WHERE p.dataset_id = ?1 AND p.number > ?2 AND p.number < ?3
   AND p.first_row < ?5 AND p.end_row > ?4
 ORDER BY p.number LIMIT 1;
-- name: CHUNK_DELETE_BEYOND
-- Some of the chunks that an append left, which belong to no revision.
DELETE FROM dataset_chunk WHERE dataset_id = ?1
   AND number IN (SELECT number FROM dataset_chunk WHERE dataset_id = ?1
                     AND number >= (SELECT n_chunks FROM dataset WHERE id = ?1)
                   ORDER BY number LIMIT 64);
-- name: CHUNK_PLACE_DELETE_BEYOND
DELETE FROM chunk_place WHERE dataset_id = ?1
   AND number >= (SELECT n_chunks FROM dataset WHERE id = ?1);
-- name: CHUNK_DELETE
DELETE FROM dataset_chunk WHERE dataset_id = ?1
   AND number IN (SELECT number FROM dataset_chunk WHERE dataset_id = ?1
                   ORDER BY number LIMIT 64);

-- name: JOB_INSERT
INSERT INTO job (status, network, network_id, dataset, dataset_id, validation,
                 validation_id, spec, created_ms, changed_ms, priority, epoch,
                 metrics, base_version, verifies, continues, reason)
VALUES ('queued', ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11, ?12, ?13,
        ?14, ?15);
-- name: JOB_QUEUE_LENGTH
SELECT count(*) FROM (SELECT 1 FROM job WHERE status = 'queued' LIMIT ?1);
-- name: JOB_COUNT
-- scan ok: an index, for the metrics
SELECT status, count(*) FROM job GROUP BY status;
-- name: JOB_GET
SELECT id, status, network, dataset, validation, spec, epoch, metrics, result,
       error, warnings, resumes, created_ms, started_ms, finished_ms,
       priority, crashes, base_version, verifies, continues, reason,
       learning_rate_test
  FROM job WHERE id = ?1;
-- name: JOB_LIST
SELECT id, status, network, dataset, validation, spec, epoch, metrics, result,
       error, warnings, resumes, created_ms, started_ms, finished_ms,
       priority, crashes, base_version, verifies, continues, reason,
       learning_rate_test
  FROM job WHERE id > ?1 ORDER BY id LIMIT ?2;
-- name: JOB_LIST_STATUS
SELECT id, status, network, dataset, validation, spec, epoch, metrics, result,
       error, warnings, resumes, created_ms, started_ms, finished_ms,
       priority, crashes, base_version, verifies, continues, reason,
       learning_rate_test
  FROM job WHERE id > ?1 AND status = ?3 ORDER BY id LIMIT ?2;
-- name: JOB_LIST_NETWORK
SELECT id, status, network, dataset, validation, spec, epoch, metrics, result,
       error, warnings, resumes, created_ms, started_ms, finished_ms,
       priority, crashes, base_version, verifies, continues, reason,
       learning_rate_test
  FROM job WHERE id > ?1 AND network = ?4 ORDER BY id LIMIT ?2;
-- name: JOB_LIST_STATUS_NETWORK
SELECT id, status, network, dataset, validation, spec, epoch, metrics, result,
       error, warnings, resumes, created_ms, started_ms, finished_ms,
       priority, crashes, base_version, verifies, continues, reason,
       learning_rate_test
  FROM job WHERE id > ?1 AND status = ?3 AND network = ?4
 ORDER BY id LIMIT ?2;
-- name: JOB_STATUS
SELECT status, network_id FROM job WHERE id = ?1;
-- name: JOB_DELETE
DELETE FROM job WHERE id = ?1;
-- name: JOB_CLAIM
-- The first in the queue, handed to the worker that asks.  What "latest" means
-- to it is settled now, so that it means the same after a crash.
UPDATE job SET status = 'running', changed_ms = ?1,
       reason = CASE started_ms WHEN 0 THEN 'started' ELSE 'went_on' END,
       started_ms = CASE started_ms WHEN 0 THEN ?1 ELSE started_ms END,
       base_version = CASE base_version WHEN -1
           THEN coalesce((SELECT latest_version FROM network
                           WHERE network.id = network_id), -1)
           ELSE base_version END
 WHERE id = (SELECT id FROM job WHERE status = 'queued'
              ORDER BY priority DESC, id LIMIT 1)
RETURNING id, status, network, dataset, validation, spec, epoch, metrics,
       result, error, warnings, resumes, created_ms, started_ms, finished_ms,
       priority, crashes, base_version, verifies, continues, reason,
       learning_rate_test;
-- name: JOB_CANCEL
UPDATE job SET status = 'cancelled', reason = 'requested', changed_ms = ?2,
       finished_ms = ?2
 WHERE id = ?1;
-- name: JOB_PAUSE
UPDATE job SET status = 'paused', reason = 'requested', changed_ms = ?2
 WHERE id = ?1;
-- name: JOB_RESUME
UPDATE job SET status = 'queued', reason = 'resumed', changed_ms = ?2
 WHERE id = ?1;
-- name: JOB_REQUEUE
UPDATE job SET status = 'queued', resumes = resumes + 1, reason = ?3,
       changed_ms = ?2
 WHERE id = ?1 AND status = 'running';
-- name: JOB_REQUEUE_ALL
-- At start: no worker of the last process lives any more.
UPDATE job SET status = 'queued', resumes = resumes + 1,
       crashes = crashes + (id = ?2), changed_ms = ?1,
       reason = iif(id = ?2, 'crashed', 'process_ended')
 WHERE status = 'running';
-- name: JOB_PROGRESS
-- A job that gets on has not brought the process down.
UPDATE job SET epoch = ?2, metrics = coalesce(?3, metrics),
       warnings = coalesce(?4, warnings), crashes = 0,
       learning_rate_test = coalesce(?5, learning_rate_test)
 WHERE id = ?1;
-- name: JOB_END
UPDATE job SET status = ?2, epoch = ?3, finished_ms = ?4, changed_ms = ?4,
       reason = ?9, metrics = coalesce(?5, metrics), error = ?6,
       warnings = coalesce(?7, warnings), result = ?8,
       learning_rate_test = coalesce(?10, learning_rate_test)
 WHERE id = ?1;

-- name: EVENT_LAST
SELECT max(id) FROM job_event;
-- name: EVENT_LAST_JOB
SELECT max(id) FROM job_event WHERE job_id = ?1;
-- name: EVENT_BEFORE
SELECT id, job_id, status, reason, epoch, at_ms
  FROM job_event WHERE job_id = ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1;
-- name: EVENT_LIST
SELECT id, job_id, status, reason, epoch, at_ms
  FROM job_event WHERE id > ?1 ORDER BY id LIMIT ?2;
-- name: EVENT_LIST_JOB
SELECT id, job_id, status, reason, epoch, at_ms
  FROM job_event WHERE id > ?1 AND job_id = ?3 ORDER BY id LIMIT ?2;

-- name: IDEMPOTENCY_INSERT
INSERT INTO idempotency (key, sha256, job_id, created_ms)
VALUES (?1, ?2, ?3, ?4);
-- name: IDEMPOTENCY_GET
SELECT sha256, job_id FROM idempotency WHERE key = ?1 AND created_ms >= ?2;
-- name: IDEMPOTENCY_EXPIRE
DELETE FROM idempotency WHERE created_ms < ?1;

-- name: EPOCH_INSERT
INSERT INTO epoch (job_id, epoch, loss, accuracy, val_loss, val_accuracy,
                   learning_rate, gradient_norm, seconds, samples_per_second,
                   restart, fold)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);
-- name: EPOCH_LIST
SELECT epoch, loss, accuracy, val_loss, val_accuracy, learning_rate,
       gradient_norm, seconds, samples_per_second, restart, fold
  FROM epoch WHERE job_id = ?1 AND epoch > ?2 ORDER BY epoch LIMIT ?3;
-- name: EPOCH_GET
SELECT epoch, loss, accuracy, val_loss, val_accuracy, learning_rate,
       gradient_norm, seconds, samples_per_second, restart, fold
  FROM epoch WHERE job_id = ?1 AND epoch = ?2;
-- name: EPOCH_LANDMARKS
SELECT coalesce((SELECT epoch FROM epoch WHERE job_id = ?1
                  ORDER BY epoch LIMIT 1), 0),
       coalesce((SELECT epoch FROM epoch WHERE job_id = ?1
                  ORDER BY epoch DESC LIMIT 1), 0),
       least_loss_epoch, least_val_loss_epoch
  FROM job WHERE id = ?1;
-- name: EPOCH_LEAST_LOSS
UPDATE job SET least_loss = ?2, least_loss_epoch = ?3
 WHERE id = ?1 AND (least_loss IS NULL OR least_loss > ?2);
-- name: EPOCH_LEAST_VAL_LOSS
UPDATE job SET least_val_loss = ?2, least_val_loss_epoch = ?3
 WHERE id = ?1 AND (least_val_loss IS NULL OR least_val_loss > ?2);
-- name: EPOCH_LAYER_INSERT
INSERT INTO epoch_layer (job_id, epoch, layer, gradient_norm, update_ratio)
VALUES (?1, ?2, ?3, ?4, ?5);
-- name: EPOCH_LAYER_LIST
SELECT epoch, layer, gradient_norm, update_ratio
  FROM epoch_layer WHERE job_id = ?1 AND epoch > ?2 AND epoch <= ?3
 ORDER BY epoch, layer LIMIT ?4;

-- name: CHECKPOINT_PUT
INSERT INTO checkpoint (job_id, epoch, n_bytes, sha256) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (job_id) DO UPDATE SET epoch = ?2, n_bytes = ?3, sha256 = ?4;
-- name: CHECKPOINT_GET
SELECT epoch, n_bytes, sha256 FROM checkpoint WHERE job_id = ?1;
-- name: CHECKPOINT_COPY
INSERT INTO checkpoint (job_id, epoch, n_bytes, sha256)
SELECT ?2, epoch, n_bytes, sha256 FROM checkpoint WHERE job_id = ?1;
-- name: CHECKPOINT_CHUNK_COPY
INSERT INTO checkpoint_chunk (job_id, number, bytes)
SELECT ?2, number, bytes FROM checkpoint_chunk WHERE job_id = ?1;
-- name: CHECKPOINT_NEXT
SELECT job_id FROM checkpoint WHERE job_id > ?1 ORDER BY job_id LIMIT 1;
-- name: CHECKPOINT_DELETE
DELETE FROM checkpoint WHERE job_id = ?1;
-- name: CHECKPOINT_CHUNK_PUT
INSERT INTO checkpoint_chunk (job_id, number, bytes) VALUES (?1, ?2, ?3)
ON CONFLICT (job_id, number) DO UPDATE SET bytes = ?3;
-- name: CHECKPOINT_CHUNK_TAIL
DELETE FROM checkpoint_chunk WHERE job_id = ?1 AND number >= ?2;
-- name: CHECKPOINT_CHUNK_LIST
SELECT bytes FROM checkpoint_chunk WHERE job_id = ?1 ORDER BY number;

-- name: LIVE_GET
SELECT l.version, l.steps, l.optimizer, l.n_bytes, l.sha256, n.name
  FROM live AS l JOIN network AS n ON n.id = l.network_id
 WHERE l.network_id = ?1;
-- name: LIVE_NEXT
SELECT network_id FROM live WHERE network_id > ?1
 ORDER BY network_id LIMIT 1;
-- name: LIVE_PUT
INSERT INTO live (network_id, version, steps, optimizer, n_bytes, sha256)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (network_id) DO UPDATE
   SET version = ?2, steps = ?3, optimizer = ?4, n_bytes = ?5, sha256 = ?6;
-- name: LIVE_CHUNK_PUT
INSERT INTO live_chunk (network_id, number, bytes) VALUES (?1, ?2, ?3)
ON CONFLICT (network_id, number) DO UPDATE SET bytes = ?3;
-- name: LIVE_CHUNK_TAIL
DELETE FROM live_chunk WHERE network_id = ?1 AND number >= ?2;
-- name: LIVE_CHUNK_LIST
SELECT bytes FROM live_chunk WHERE network_id = ?1 ORDER BY number;
-- name: LIVE_VERSION_DELETE
-- The one that the update before made, unless somebody holds on to it.
DELETE FROM version
 WHERE network_id = ?1 AND version = ?2 AND version > 0
   AND version <> (SELECT serving_version FROM network WHERE id = ?1)
   AND NOT EXISTS (SELECT 1 FROM job
                    WHERE network_id = ?1 AND base_version = ?2
                      AND status IN ('queued', 'running', 'paused'));
