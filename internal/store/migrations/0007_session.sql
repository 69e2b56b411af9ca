-- Who is signed in to the console. The token that a browser holds is not kept:
-- hash is its SHA-256. A session that is over is deleted.
CREATE TABLE session (
  id KEYTEXT NOT NULL PRIMARY KEY,
  hash BYTEA NOT NULL UNIQUE,
  account KEYTEXT NOT NULL,
  principal KEYTEXT NOT NULL,
  person TEXT NOT NULL,
  access_key KEYTEXT NOT NULL,
  role KEYTEXT NOT NULL,
  region KEYTEXT NOT NULL,
  regions TEXT NOT NULL,
  address TEXT NOT NULL,
  browser TEXT NOT NULL,
  created BIGINT NOT NULL,
  used BIGINT NOT NULL
);

CREATE INDEX session_listed ON session (account, created);

CREATE INDEX session_used ON session (used);
