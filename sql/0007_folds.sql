-- 0007_folds.sql - cross-validation

-- Which fold was held out in this epoch; NULL: none, or the final model.
ALTER TABLE epoch ADD COLUMN fold INTEGER;
