// sdk.mjs - onboards users with the official SDK: usage: node sdk.mjs CONNECTION_STRING COUNT CONCURRENCY [--count-failures]
// Prints seconds, CPU seconds, peak memory in KiB and failed users. Time and CPU are those of the work alone, without the
// start of Node. A failed user ends it, unless failures are counted.
// The SDK is the one that tests/conformance installs.
import { createRequire } from "node:module";

const require = createRequire(new URL("../conformance/", import.meta.url));
const { CommunicationIdentityClient } = require("@azure/communication-identity");

const [connectionString, count, concurrency, countFailures] = process.argv.slice(2);
const client = new CommunicationIdentityClient(connectionString);
let toStart = Number(count);
let failed = 0;

async function work() {
  while (toStart > 0) {
    toStart--;
    try {
      const { token } = await client.createUserAndToken(["chat", "voip"]);
      if (!token) throw new Error("no token came");
    } catch (error) {
      if (!countFailures) throw error;
      failed++;
    }
  }
}

const cpuBefore = process.cpuUsage();
const before = process.hrtime.bigint();
await Promise.all(Array.from({ length: Number(concurrency) }, work));
const seconds = Number(process.hrtime.bigint() - before) / 1e9;
const { user, system } = process.cpuUsage(cpuBefore);
console.log(seconds.toFixed(3), ((user + system) / 1e6).toFixed(3), process.resourceUsage().maxRSS, failed);
process.exit(0);
