-- Whose an access key is: a user's, or with '' the account's root user's. used
-- is when it was last used, 0 for never.
ALTER TABLE access_key ADD COLUMN owner KEYTEXT NOT NULL DEFAULT '';
ALTER TABLE access_key ADD COLUMN inactive BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_key ADD COLUMN used BIGINT NOT NULL DEFAULT 0;

CREATE INDEX access_key_listed ON access_key (account, owner, created);

-- Users (type 1) and roles (type 2). They are listed in the order of num, which
-- begins as the moment of creation. Of roles: for how many seconds a session
-- lasts at most, who may assume it, and since when that is so. The unique
-- index is AWS's rule that names do not differ in case alone.
CREATE TABLE iam_principal (
  account KEYTEXT NOT NULL,
  type BIGINT NOT NULL,
  name KEYTEXT NOT NULL,
  num BIGINT NOT NULL UNIQUE,
  id KEYTEXT NOT NULL UNIQUE,
  created BIGINT NOT NULL,
  max_session BIGINT NOT NULL,
  trusted BIGINT NOT NULL,
  trust TEXT NOT NULL,
  PRIMARY KEY (account, type, name)
);

CREATE UNIQUE INDEX iam_principal_name ON iam_principal (account, type, LOWER(name));

CREATE INDEX iam_principal_listed ON iam_principal (account, type, num);

-- Policies: inline ones of a user or role, and with type 0 and owner '' those
-- of the account that can be attached to several.
CREATE TABLE iam_policy (
  account KEYTEXT NOT NULL,
  type BIGINT NOT NULL,
  owner KEYTEXT NOT NULL,
  name KEYTEXT NOT NULL,
  num BIGINT NOT NULL UNIQUE,
  changed BIGINT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (account, type, owner, name)
);

CREATE INDEX iam_policy_listed ON iam_policy (account, type, owner, num);

-- Which policies, by their ARNs, are attached to a user or role.
CREATE TABLE iam_attachment (
  account KEYTEXT NOT NULL,
  type BIGINT NOT NULL,
  owner KEYTEXT NOT NULL,
  policy KEYTEXT NOT NULL,
  PRIMARY KEY (account, type, owner, policy)
) {{clustered}};

CREATE INDEX iam_attachment_policy ON iam_attachment (account, policy);
