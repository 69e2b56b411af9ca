-- Automated discovery: which configurations discover, how far the pass over
-- the inventory of each has come (0: none is due), and when it last ran.
ALTER TABLE configuration ADD COLUMN discovers BIGINT NOT NULL DEFAULT 0;
ALTER TABLE configuration ADD COLUMN pass BIGINT NOT NULL DEFAULT 0;
ALTER TABLE configuration ADD COLUMN last_run BIGINT NOT NULL DEFAULT 0;

-- Rules that were there before discovery ran. A quote inside of a JSON text is
-- escaped, so this finds the member and no name that reads like it.
UPDATE configuration SET discovers = 1, pass = 1
  WHERE deleted = 0 AND loading = 0 AND terms LIKE '%"status":"AVAILABLE"%' AND terms LIKE '%"products":[{%';

CREATE INDEX configuration_discovering ON configuration (account, num) WHERE discovers = 1;

CREATE INDEX configuration_pass ON configuration (num) WHERE pass > 0;

-- The state of each account's rules; reports of new resources hold its row.
CREATE TABLE discovery_rules (
  account KEYTEXT NOT NULL PRIMARY KEY,
  generation BIGINT NOT NULL
) {{clustered}};

INSERT INTO discovery_rules (account, generation)
  SELECT DISTINCT account, 1 FROM configuration WHERE discovers = 1;

CREATE INDEX failure_resource ON failure (resource);

-- Exclusions, those that have ended too.
CREATE TABLE exclusion (
  configuration BIGINT NOT NULL,
  resource BIGINT NOT NULL,
  created BIGINT NOT NULL,
  until BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  arn TEXT NOT NULL,
  reason TEXT NOT NULL,
  owner TEXT NOT NULL,
  created_by TEXT NOT NULL,
  ended_by TEXT NOT NULL,
  PRIMARY KEY (configuration, resource, created)
);

CREATE INDEX exclusion_resource ON exclusion (resource, configuration) WHERE ended = 0;

CREATE INDEX exclusion_due ON exclusion (until) WHERE ended = 0 AND until > 0;

-- Machines whose reports are overdue, apart from those that are inactive.
ALTER TABLE resource ADD COLUMN lost BIGINT NOT NULL DEFAULT 0;

UPDATE resource SET lost = 1 WHERE type = 4 AND facts LIKE '%"status":"ConnectionLost"%';

CREATE INDEX resource_connected ON resource (seen, num) WHERE type = 4 AND gone = 0 AND inactive = 0 AND lost = 0;

-- On how many machines of an account an application is, whatever its version:
-- rank is that number below zero, so that the most widespread comes first.
CREATE TABLE software_count (
  account KEYTEXT NOT NULL,
  name KEYTEXT NOT NULL,
  publisher KEYTEXT NOT NULL,
  num BIGINT NOT NULL,
  rank BIGINT NOT NULL,
  PRIMARY KEY (account, name, publisher)
) {{clustered}};

CREATE INDEX software_count_listed ON software_count (account, rank, num);

-- The version of a resource's applications that is in software_count.
CREATE TABLE software_counted (
  resource BIGINT NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL
) {{clustered}};

-- Resources whose applications have changed since they were counted.
CREATE TABLE software_uncounted (
  resource BIGINT NOT NULL PRIMARY KEY
) {{clustered}};

INSERT INTO software_uncounted (resource) SELECT num FROM resource WHERE software > 0;
