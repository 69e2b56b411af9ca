-- Up to when a ledger's past was answered for: no later revision takes effect
-- at or before that moment, whatever a clock says by then. It is written and
-- read under the lock of the row.
ALTER TABLE configuration ADD COLUMN settled BIGINT NOT NULL DEFAULT 0;
