-- {{clustered}} is for tables of short rows: where a row does not fit into a
-- quarter of a page, SQLite reads the whole of it for every comparison of keys.

-- Configurations, with the head of each one's ledger.
CREATE TABLE configuration (
  num BIGINT NOT NULL PRIMARY KEY,
  id KEYTEXT NOT NULL UNIQUE,
  account KEYTEXT NOT NULL,
  region KEYTEXT NOT NULL,
  created BIGINT NOT NULL,
  deleted BIGINT NOT NULL,
  loading BIGINT NOT NULL,
  head BIGINT NOT NULL,
  head_at BIGINT NOT NULL,
  head_hash BYTEA,
  terms_rev BIGINT NOT NULL,
  next_node BIGINT NOT NULL,
  counters TEXT NOT NULL,
  terms TEXT NOT NULL
);

CREATE INDEX configuration_listed ON configuration (account, region, created, num)
  WHERE deleted = 0 AND loading = 0;

CREATE INDEX configuration_created ON configuration (account, region, created);

-- The ledgers. Small columns come first, so that reading them does not walk
-- through the long ones.
CREATE TABLE revision (
  configuration BIGINT NOT NULL,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  recorded BIGINT NOT NULL,
  consumed BIGINT NOT NULL,
  terms_rev BIGINT NOT NULL,
  hash BYTEA,
  counters TEXT NOT NULL,
  caller TEXT NOT NULL,
  cause TEXT NOT NULL,
  nodes TEXT NOT NULL,
  terms TEXT,
  changes TEXT NOT NULL,
  PRIMARY KEY (configuration, number)
);

CREATE INDEX revision_at ON revision (configuration, at, number, consumed);

-- The inventory, with the newest facts of each resource.
CREATE TABLE resource (
  num BIGINT NOT NULL PRIMARY KEY,
  account KEYTEXT NOT NULL,
  owner KEYTEXT NOT NULL,
  arn KEYTEXT NOT NULL,
  type BIGINT NOT NULL,
  created BIGINT NOT NULL,
  seen BIGINT NOT NULL,
  version BIGINT NOT NULL,
  software BIGINT NOT NULL,
  gone BIGINT NOT NULL,
  inactive BIGINT NOT NULL,
  host KEYTEXT NOT NULL,
  platform KEYTEXT NOT NULL,
  facts TEXT NOT NULL,
  UNIQUE (account, arn)
) {{clustered}};

CREATE INDEX resource_listed ON resource (account, num, owner, platform) WHERE gone = 0;

CREATE INDEX resource_host ON resource (account, host, num) WHERE host <> '';

-- Managed instances (type 4) that an absence can make inactive.
CREATE INDEX resource_watched ON resource (seen, num) WHERE type = 4 AND gone = 0 AND inactive = 0;

CREATE TABLE resource_facts (
  resource BIGINT NOT NULL,
  version BIGINT NOT NULL,
  at BIGINT NOT NULL,
  facts TEXT NOT NULL,
  PRIMARY KEY (resource, version)
) {{clustered}};

CREATE TABLE software (
  resource BIGINT NOT NULL,
  version BIGINT NOT NULL,
  at BIGINT NOT NULL,
  applications TEXT NOT NULL,
  PRIMARY KEY (resource, version)
);

-- What inventory filters look for by value: application_name, license_included,
-- resource_id and tag:<key>, of resources that are not gone.
CREATE TABLE resource_attribute (
  account KEYTEXT NOT NULL,
  attribute KEYTEXT NOT NULL,
  value KEYTEXT NOT NULL,
  resource BIGINT NOT NULL,
  PRIMARY KEY (account, attribute, value, resource)
) {{clustered}};

-- The associations as they are now, by resource. The trees hold the same by
-- configuration at every revision.
CREATE TABLE association (
  resource BIGINT NOT NULL,
  configuration BIGINT NOT NULL,
  owner BIGINT NOT NULL,
  arn TEXT NOT NULL,
  type BIGINT NOT NULL,
  at BIGINT NOT NULL,
  scope TEXT NOT NULL,
  origin KEYTEXT NOT NULL,
  unlicensed BIGINT NOT NULL,
  facts BIGINT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (resource, configuration)
) {{clustered}};

CREATE INDEX association_configuration ON association (configuration, resource);

CREATE INDEX association_hold ON association (until, resource, configuration) WHERE origin = 'affinity';

CREATE TABLE failure (
  configuration BIGINT NOT NULL,
  owner BIGINT NOT NULL,
  resource BIGINT NOT NULL,
  arn TEXT NOT NULL,
  type BIGINT NOT NULL,
  message TEXT NOT NULL,
  at BIGINT NOT NULL,
  operation TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  PRIMARY KEY (configuration, owner, resource)
) {{clustered}};

CREATE TABLE settings (
  account KEYTEXT NOT NULL,
  region KEYTEXT NOT NULL,
  settings TEXT NOT NULL,
  PRIMARY KEY (account, region)
) {{clustered}};

CREATE TABLE account (
  id KEYTEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  root BIGINT NOT NULL,
  created BIGINT NOT NULL
) {{clustered}};

CREATE UNIQUE INDEX account_root ON account (root) WHERE root = 1;

CREATE TABLE access_key (
  id KEYTEXT NOT NULL PRIMARY KEY,
  account KEYTEXT NOT NULL,
  secret BYTEA NOT NULL,
  created BIGINT NOT NULL
) {{clustered}};

-- The deployment's few named values.
CREATE TABLE meta (
  name KEYTEXT NOT NULL PRIMARY KEY,
  value BYTEA NOT NULL
) {{clustered}};
