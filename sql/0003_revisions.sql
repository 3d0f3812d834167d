-- 0003_revisions.sql - datasets that grow, and where their rows are

-- The revision that the row describes, and how many chunks belong to it.
ALTER TABLE dataset ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE dataset ADD COLUMN n_chunks INTEGER NOT NULL DEFAULT 0;
UPDATE dataset SET n_chunks =
       (SELECT count(*) FROM dataset_chunk WHERE dataset_id = dataset.id);
-- 1: rows are being appended, in chunks beyond n_chunks.
ALTER TABLE dataset ADD COLUMN appending INTEGER NOT NULL DEFAULT 0;

-- What a dataset was before rows were appended: the same chunks, fewer of them.
CREATE TABLE dataset_revision (
    dataset_id INTEGER NOT NULL REFERENCES dataset ON DELETE CASCADE,
    revision   INTEGER NOT NULL,
    meta       TEXT    NOT NULL, -- JSON
    n_chunks   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (dataset_id, revision)
) STRICT, WITHOUT ROWID;

-- Which rows a chunk has, to find those of a page without reading the others.
CREATE TABLE chunk_place (
    dataset_id INTEGER NOT NULL REFERENCES dataset ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    first_row  INTEGER NOT NULL,
    end_row    INTEGER NOT NULL, -- the one behind the last
    PRIMARY KEY (dataset_id, number)
) STRICT, WITHOUT ROWID;
