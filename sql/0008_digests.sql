-- 0008_digests.sql - digests of what had none
--
-- SHA-256 as hex.  NULL: written by an older program, and not compared.

-- Of the chunk's bytes.
ALTER TABLE dataset_chunk ADD COLUMN sha256 TEXT;
-- Of the optimiser's state.
ALTER TABLE live ADD COLUMN sha256 TEXT;
-- Of the encoder's text; NULL also where there is none.
ALTER TABLE version ADD COLUMN encoder_sha256 TEXT;
