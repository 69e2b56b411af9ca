-- Places that resources are pulled from, with the state that their runs leave.
-- Times of state are 0 for none; lease is until when a server has a run to
-- itself, and ready when the next run may begin at the earliest.
CREATE TABLE source (
  num BIGINT NOT NULL PRIMARY KEY,
  name KEYTEXT NOT NULL UNIQUE,
  account KEYTEXT NOT NULL,
  region KEYTEXT NOT NULL,
  kind KEYTEXT NOT NULL,
  created BIGINT NOT NULL,
  every BIGINT NOT NULL,
  paused BIGINT NOT NULL,
  allow_shrink BIGINT NOT NULL,
  due BIGINT NOT NULL,
  asked BIGINT NOT NULL,
  run BIGINT NOT NULL,
  lease BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  found BIGINT NOT NULL,
  succeeded BIGINT NOT NULL,
  ready BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  settings TEXT NOT NULL
);

CREATE INDEX source_listed ON source (created, num);

CREATE INDEX source_ready ON source (ready, num);

-- The last runs of each.
CREATE TABLE source_run (
  source BIGINT NOT NULL,
  number BIGINT NOT NULL,
  status KEYTEXT NOT NULL,
  started BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  troubled BIGINT NOT NULL,
  server TEXT NOT NULL,
  counts TEXT NOT NULL,
  error TEXT NOT NULL,
  failures TEXT NOT NULL,
  PRIMARY KEY (source, number)
);

CREATE INDEX source_run_troubled ON source_run (source, number) WHERE troubled = 1;

-- What the complete runs of a source have reported and it has not been found
-- gone since.
CREATE TABLE source_resource (
  source BIGINT NOT NULL,
  arn KEYTEXT NOT NULL,
  account KEYTEXT NOT NULL,
  PRIMARY KEY (source, arn)
) {{clustered}};

CREATE INDEX source_resource_shared ON source_resource (account, arn, source);

-- What a source's puller remembers from one run to the next.
CREATE TABLE source_memory (
  source BIGINT NOT NULL PRIMARY KEY,
  memory BYTEA NOT NULL
);
