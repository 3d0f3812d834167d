-- 0005_minima.sql - where a job's losses were least

-- Kept up to date as rows come, so that nobody has to look through a million
-- of them.  Epoch 0: none yet.
ALTER TABLE job ADD COLUMN least_loss           REAL;
ALTER TABLE job ADD COLUMN least_loss_epoch     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN least_val_loss       REAL;
ALTER TABLE job ADD COLUMN least_val_loss_epoch INTEGER NOT NULL DEFAULT 0;
