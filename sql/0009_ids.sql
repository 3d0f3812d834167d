-- 0009_ids.sql - ids of datasets and networks are given once
--
-- SQLite gives a row the largest id plus one: the id of a row that was deleted
-- comes again, and whoever still holds it takes the new row for the old one.

-- The largest id that was ever given.
CREATE TABLE last_id (
    kind TEXT    PRIMARY KEY CHECK (kind IN ('dataset', 'network')),
    id   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO last_id (kind, id)
VALUES ('dataset', (SELECT coalesce(max(id), 0) FROM dataset)),
       ('network', (SELECT coalesce(max(id), 0) FROM network));

-- Triggers, so that no statement can insert a row and forget to remember it.
CREATE TRIGGER dataset_inserted AFTER INSERT ON dataset BEGIN
    UPDATE last_id SET id = NEW.id WHERE kind = 'dataset' AND id < NEW.id;
END;
CREATE TRIGGER network_inserted AFTER INSERT ON network BEGIN
    UPDATE last_id SET id = NEW.id WHERE kind = 'network' AND id < NEW.id;
END;
