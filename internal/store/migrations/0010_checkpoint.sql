-- Keys that sign checkpoints, the newest with the highest number. sealed is the
-- private key under the master key; old_sig and new_sig sign that the key
-- follows the one before.
CREATE TABLE signing_key (
  number BIGINT NOT NULL PRIMARY KEY,
  since BIGINT NOT NULL,
  public KEYTEXT NOT NULL,
  sealed BYTEA NOT NULL,
  old_sig TEXT NOT NULL,
  new_sig TEXT NOT NULL
);

-- Signed checkpoints of accounts. note is what was signed, with the signature;
-- cosigned the same with that of a witness too, or empty.
CREATE TABLE checkpoint (
  account KEYTEXT NOT NULL,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  note TEXT NOT NULL,
  cosigned TEXT NOT NULL,
  PRIMARY KEY (account, number)
);

-- The newest one of each account, for whoever looks whether another is due.
CREATE TABLE checkpoint_head (
  account KEYTEXT NOT NULL PRIMARY KEY,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  signing_key BIGINT NOT NULL,
  ledgers BIGINT NOT NULL,
  revisions BIGINT NOT NULL
) {{clustered}};

-- The ledgers that have changed since the checkpoint before.
CREATE TABLE checkpoint_ledger (
  account KEYTEXT NOT NULL,
  arn KEYTEXT NOT NULL,
  number BIGINT NOT NULL,
  configuration BIGINT NOT NULL,
  head BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (account, arn, number)
) {{clustered}};

CREATE INDEX checkpoint_ledger_number ON checkpoint_ledger (account, number);

-- How far each witness has come with the checkpoints of each account: sent is
-- the newest that it has. lease is until when a server has it to itself, and
-- ready when it may be tried again at the earliest.
CREATE TABLE witness (
  name KEYTEXT NOT NULL,
  account KEYTEXT NOT NULL,
  sent BIGINT NOT NULL,
  sent_at BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  ready BIGINT NOT NULL,
  lease BIGINT NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (name, account)
) {{clustered}};

-- Checkpoints of other deployments that this one has witnessed; account is
-- whose key brought them.
CREATE TABLE witnessed (
  origin KEYTEXT NOT NULL,
  number BIGINT NOT NULL,
  account KEYTEXT NOT NULL,
  at BIGINT NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (origin, number)
);

-- Their ledgers as they were last seen.
CREATE TABLE witnessed_ledger (
  origin KEYTEXT NOT NULL,
  arn KEYTEXT NOT NULL,
  head BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (origin, arn)
) {{clustered}};
