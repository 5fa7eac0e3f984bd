// users.mjs - the SDK at work on some users: node users.mjs CONNECTION_STRING ACTION, with names on standard input
//
// create: makes an identity for each key and prints their mapping. token, revoke, delete: prints a line for each identity: "done",
// or the code.
import { readFileSync } from "node:fs";
import { CommunicationIdentityClient } from "@azure/communication-identity";

const [connectionString, action] = process.argv.slice(2);
const names = readFileSync(0, "utf8").split("\n").filter((name) => name !== "");
const client = new CommunicationIdentityClient(connectionString, { allowInsecureConnection: true });
const actions = {
  token: (user) => client.getToken(user, ["chat"]),
  revoke: (user) => client.revokeTokens(user),
  delete: (user) => client.deleteUser(user),
};

if (action === "create") console.log("user_id,identity_id");
for (const name of names) {
  if (action === "create") {
    console.log(`${name},${(await client.createUser()).communicationUserId}`);
  } else {
    console.log(await actions[action]({ communicationUserId: name }).then(() => "done", (error) => error.code));
  }
}
