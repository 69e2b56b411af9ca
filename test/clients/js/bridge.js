// Calls operations through the SDK for JavaScript: a request in, an answer out,
// one JSON object a line.
//
// usage: node bridge.js ENDPOINT; credentials and region come from the
// environment.

import readline from "node:readline";
import * as sdk from "@aws-sdk/client-license-manager";

const client = new sdk.LicenseManagerClient({ endpoint: process.argv[2], maxAttempts: 1 });

// The classes that a program can name in "instanceof".
const exceptions = Object.entries(sdk).filter(([name]) => name.endsWith("Exception") && !name.endsWith("ServiceException"));

function refusal(error) {
  const own = exceptions.find(([, type]) => error instanceof type);
  return { Code: error.name, Message: error.message, Type: own ? own[0] : "" };
}

async function answer({ operation, input }) {
  try {
    const { $metadata, ...output } = await client.send(new sdk[operation + "Command"](input));
    return { Output: output };
  } catch (error) {
    if (!(error instanceof sdk.LicenseManagerServiceException)) throw error;
    return { Error: refusal(error) };
  }
}

console.log("ready");
for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
client.destroy();
