// signed_in.mjs - what entra.mjs and managed_identity.mjs share.
import assert from "node:assert/strict";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { parseClientArguments } from "@azure/communication-common";

export const endpoint = parseClientArguments(process.argv[2]).url.replace(/\/$/, "");
// The emulator is no authority that Microsoft knows.
export const options = { authorityHost: endpoint, disableInstanceDiscovery: true, retryOptions: { maxRetries: 0 } };

/** Every operation of the service, signed in with the credential. */
export async function worksEverywhere(credential) {
  const client = new CommunicationIdentityClient(endpoint, credential);
  const { user, token } = await client.createUserAndToken(["chat"]);
  assert.match(token, /^ey/);
  assert.match((await client.createUser()).communicationUserId, /^8:acs:/);
  assert.ok((await client.getToken(user, ["voip"])).expiresOn > new Date());
  await client.revokeTokens(user);
  await client.deleteUser(user);
  await assert.rejects(client.getToken(user, ["chat"]), { statusCode: 404, code: "IdentityNotFound" });
}
