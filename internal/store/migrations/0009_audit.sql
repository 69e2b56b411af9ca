-- The audit trail: events of calls, many in a row, compressed. The rows of one
-- server process are a chain; each has the hash of the one before. Of chains:
-- the head of the chain before, when this one began; the last row that was
-- removed because of its age; and the last row. Times are those of events.
CREATE TABLE audit_chain (
  num BIGINT NOT NULL PRIMARY KEY,
  server TEXT NOT NULL,
  started BIGINT NOT NULL,
  anchor BIGINT NOT NULL,
  anchor_hash BYTEA,
  kept BIGINT NOT NULL,
  kept_hash BYTEA,
  head BIGINT NOT NULL,
  head_hash BYTEA
);

CREATE TABLE audit_segment (
  chain BIGINT NOT NULL,
  number BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  events BIGINT NOT NULL,
  previous BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (chain, number)
);

CREATE INDEX audit_segment_time ON audit_segment (last_at, chain);
