-- What makes an altered fact show (docs/evidence.md). Each version of facts has
-- a digest over itself and the digest of the version before; a resource has that
-- of its newest. Versions that were there already get theirs when the store is
-- opened next (digestOlder): no database computes them in SQL.
ALTER TABLE resource ADD COLUMN digest BYTEA;
ALTER TABLE resource_facts ADD COLUMN digest BYTEA;

CREATE INDEX resource_facts_undigested ON resource_facts (resource, version) WHERE digest IS NULL;

ALTER TABLE exclusion ADD COLUMN digest BYTEA;

CREATE INDEX exclusion_undigested ON exclusion (configuration, resource, created) WHERE digest IS NULL;

-- Digests that no seal names yet: a row for each transaction, named by its first
-- line, with all its lines of a seal's entries.
CREATE TABLE unsealed (
  account KEYTEXT NOT NULL,
  first KEYTEXT NOT NULL,
  entries TEXT NOT NULL,
  PRIMARY KEY (account, first)
);

-- The seals of an account's inventory, a chain of hashes that checkpoints name.
CREATE TABLE inventory_seal (
  account KEYTEXT NOT NULL,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  entries TEXT NOT NULL,
  PRIMARY KEY (account, number)
);

ALTER TABLE checkpoint_head ADD COLUMN seals BIGINT NOT NULL DEFAULT 0;
