-- What inventory filters look for by value, once for each account: attribute is
-- application_name, license_included, resource_id, platform, account_id or
-- tag:<key>. Rows stay when the last resource with the value has gone.
CREATE TABLE attribute_value (
  account KEYTEXT NOT NULL,
  attribute KEYTEXT NOT NULL,
  value KEYTEXT NOT NULL,
  num BIGINT NOT NULL UNIQUE,
  PRIMARY KEY (account, attribute, value)
) {{clustered}};

-- Which resources have which values, of those that are not gone.
CREATE TABLE attribute_resource (
  value BIGINT NOT NULL,
  resource BIGINT NOT NULL,
  PRIMARY KEY (value, resource)
) {{clustered}};

INSERT INTO attribute_value (account, attribute, value, num)
  SELECT d.account, d.attribute, d.value, ROW_NUMBER() OVER (ORDER BY d.account, d.attribute, d.value)
  FROM (SELECT account, attribute, value FROM resource_attribute
    UNION SELECT account, 'platform', platform FROM resource WHERE gone = 0
    UNION SELECT account, 'account_id', owner FROM resource WHERE gone = 0) AS d;

INSERT INTO attribute_resource (value, resource)
  SELECT v.num, a.resource FROM resource_attribute a
  JOIN attribute_value v ON v.account = a.account AND v.attribute = a.attribute AND v.value = a.value;

INSERT INTO attribute_resource (value, resource)
  SELECT v.num, r.num FROM resource r
  JOIN attribute_value v ON v.account = r.account AND v.attribute = 'platform' AND v.value = r.platform
  WHERE r.gone = 0;

INSERT INTO attribute_resource (value, resource)
  SELECT v.num, r.num FROM resource r
  JOIN attribute_value v ON v.account = r.account AND v.attribute = 'account_id' AND v.value = r.owner
  WHERE r.gone = 0;

DROP TABLE resource_attribute;

DROP INDEX resource_listed;

CREATE INDEX resource_listed ON resource (account, num) WHERE gone = 0;
