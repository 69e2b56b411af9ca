// What people write with the SDK for JavaScript: loops over pages by hand, and
// errors caught by class.
//
// usage: node idioms.js ENDPOINT ARN, a configuration with 7 machines of 2 vCPUs;
// asserts, and prints what it has done.

import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-license-manager";

const [endpoint, arn] = process.argv.slice(2);
const client = new sdk.LicenseManager({ endpoint });

async function listByHand() {
  const rows = [];
  let token;
  let pages = 0;
  do {
    const page = await client.listUsageForLicenseConfiguration({ LicenseConfigurationArn: arn, MaxResults: 3, NextToken: token });
    rows.push(...page.LicenseConfigurationUsageList);
    token = page.NextToken;
    pages++;
    assert.ok(pages < 10, "the pages do not end");
  } while (token !== undefined);
  assert.equal(pages, 3);
  assert.equal(new Set(rows.map((row) => row.ResourceArn)).size, 7);
  assert.equal(rows.reduce((sum, row) => sum + row.ConsumedLicenses, 0), 14);
  assert.ok(rows.every((row) => row.AssociationTime instanceof Date && Date.now() - row.AssociationTime < 3600e3));
  console.log("listed");
}

async function catchByClass() {
  const list = (more) => client.listUsageForLicenseConfiguration({ LicenseConfigurationArn: arn, ...more });
  await assert.rejects(list({ LicenseConfigurationArn: "x" }), sdk.InvalidParameterValueException);
  await assert.rejects(list({ Filters: [{ Name: "resourceArn", Values: ["a", "b"] }] }), sdk.FilterLimitExceededException);
  await assert.rejects(client.listTokens({}), { name: "UnknownOperationException" });
  // What the SDK does not check is sent as it is.
  await assert.rejects(list({ MaxResults: 0 }), sdk.InvalidParameterValueException);
  await assert.rejects(list({ MaxResults: 1.5 }), { name: "SerializationException" });
  await assert.rejects(list({ MaxResults: "5" }), { name: "SerializationException" });
  assert.equal((await list({ MaxResults: 1001, NextToken: null, Filters: null })).LicenseConfigurationUsageList.length, 7);
  console.log("caught");
}

async function manyAtOnce() {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => client.listUsageForLicenseConfiguration({ LicenseConfigurationArn: arn })),
  );
  assert.equal(new Set(answers.map((answer) => JSON.stringify(answer.LicenseConfigurationUsageList))).size, 1);
  assert.equal(new Set(answers.map((answer) => answer.$metadata.requestId)).size, 20);
  console.log("answered");
}

await listByHand();
await catchByClass();
await manyAtOnce();
client.destroy();
