-- Tokens that inventory agents report with. The token itself is not kept: hash
-- is its SHA-256. Tokens are listed in the order of num, which begins as the
-- moment of creation.
CREATE TABLE agent_token (
  num BIGINT NOT NULL PRIMARY KEY,
  id KEYTEXT NOT NULL UNIQUE,
  hash BYTEA NOT NULL UNIQUE,
  account KEYTEXT NOT NULL,
  region KEYTEXT NOT NULL,
  name TEXT NOT NULL,
  created BIGINT NOT NULL,
  used BIGINT NOT NULL,
  revoked BIGINT NOT NULL
) {{clustered}};

CREATE INDEX agent_token_listed ON agent_token (account, num);
