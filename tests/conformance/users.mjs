// users.mjs - the SDK at work on some users: node users.mjs CONNECTION_STRING ACTION, with names on standard input
//
// create: makes an identity for each key and prints their mapping. token, revoke, delete: prints a line for each identity: "done",
// or the code. exchange: prints the token for each "OBJECT_ID,APP_ID,ENTRA_TOKEN". Signs in with Entra ID where AZURE_CLIENT_SECRET
// says with what, otherwise with the access key.
import { readFileSync } from "node:fs";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { EnvironmentCredential } from "@azure/identity";
import { endpoint, options } from "./signed_in.mjs";

const [connectionString, action] = process.argv.slice(2);
const names = readFileSync(0, "utf8").split("\n").filter((name) => name !== "");
const client = process.env.AZURE_CLIENT_SECRET
  ? new CommunicationIdentityClient(endpoint, new EnvironmentCredential(options))
  : new CommunicationIdentityClient(connectionString, { allowInsecureConnection: true });
const actions = {
  token: (user) => client.getToken(user, ["chat"]),
  revoke: (user) => client.revokeTokens(user),
  delete: (user) => client.deleteUser(user),
};

if (action === "create") console.log("user_id,identity_id");
for (const name of names) {
  if (action === "create") {
    console.log(`${name},${(await client.createUser()).communicationUserId}`);
  } else if (action === "exchange") {
    const [userObjectId, clientId, teamsUserAadToken] = name.split(",");
    console.log((await client.getTokenForTeamsUser({ teamsUserAadToken, clientId, userObjectId })).token);
  } else {
    console.log(await actions[action]({ communicationUserId: name }).then(() => "done", (error) => error.code));
  }
}
