-- Organizations of accounts. delegated is the account that may do for licences
-- what the management account may, or empty.
CREATE TABLE organization (
  id KEYTEXT NOT NULL PRIMARY KEY,
  management KEYTEXT NOT NULL UNIQUE,
  delegated KEYTEXT NOT NULL,
  created BIGINT NOT NULL
) {{clustered}};

-- Their accounts, those that have left too: ended is 0 for those that are in.
CREATE TABLE organization_account (
  organization KEYTEXT NOT NULL,
  account KEYTEXT NOT NULL,
  joined BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  PRIMARY KEY (organization, account, joined)
) {{clustered}};

CREATE UNIQUE INDEX organization_account_now ON organization_account (account) WHERE ended = 0;

-- With whom configurations are shared now, by account or organization. The
-- ledgers hold the same in their terms, at every revision. region, created and
-- owner are the configuration's.
CREATE TABLE share (
  principal KEYTEXT NOT NULL,
  region KEYTEXT NOT NULL,
  created BIGINT NOT NULL,
  configuration BIGINT NOT NULL,
  owner KEYTEXT NOT NULL,
  PRIMARY KEY (principal, region, created, configuration)
) {{clustered}};

CREATE INDEX share_configuration ON share (configuration);

CREATE INDEX share_principal ON share (principal, configuration);

CREATE INDEX share_owner ON share (owner, configuration);

-- Images (type 2) in all inventories, for launches in other accounts.
CREATE INDEX resource_image ON resource (arn, num) WHERE type = 2;

-- Whose inventory a pass looks at; empty for that of the configuration's owner.
ALTER TABLE configuration ADD COLUMN pass_account KEYTEXT NOT NULL DEFAULT '';
