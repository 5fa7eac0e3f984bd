// identity.mjs - what the official SDK sees of the service: usage: node identity.mjs CONNECTION_STRING [BEARER_TOKEN]
//
// Signed in with Entra ID where AZURE_CLIENT_SECRET says with what, otherwise with the access key.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { EnvironmentCredential } from "@azure/identity";
import { endpoint, options as entraOptions } from "./signed_in.mjs";

const [connectionString, bearerToken] = process.argv.slice(2);
const options = { allowInsecureConnection: endpoint.startsWith("http:") };
const client = process.env.AZURE_CLIENT_SECRET
  ? new CommunicationIdentityClient(endpoint, new EnvironmentCredential(entraOptions))
  : new CommunicationIdentityClient(connectionString, options);
const otherResource = {
  communicationUserId: `8:acs:${"0".repeat(8)}-0000-0000-0000-${"0".repeat(12)}_${"0".repeat(8)}-0000-0000-0000-${"0".repeat(12)}`,
};
const minute = 60_000;

/** A JWT as Entra gives it to a Teams user; nobody checks its signature. */
function teamsToken(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}.${"A".repeat(342)}`;
}

function endsIn(expiresOn, minutes) {
  const distance = expiresOn.getTime() - (Date.now() + minutes * minute);
  assert.ok(Math.abs(distance) < minute, `ends ${distance} ms off ${minutes} minutes`);
}

function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}

test("createUser makes an identity of the service's form", async () => {
  const user = await client.createUser();
  assert.match(user.communicationUserId, /^8:acs:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.notEqual((await client.createUser()).communicationUserId, user.communicationUserId);
});

test("createUserAndToken gives a token that ends in a day", async () => {
  const { user, token, expiresOn } = await client.createUserAndToken(["chat", "voip"]);
  endsIn(expiresOn, 24 * 60);
  const claims = claimsOf(token);
  assert.equal(`8:${claims.skypeid}`, user.communicationUserId);
  assert.equal(claims.acsScope, "chat,voip");
  assert.equal(claims.exp, Math.floor(expiresOn.getTime() / 1000));
});

test("createUserAndToken takes a lifetime", async () => {
  const { expiresOn } = await client.createUserAndToken(["chat"], { tokenExpiresInMinutes: 60 });
  endsIn(expiresOn, 60);
});

for (const scope of ["chat", "voip", "chat.join", "chat.join.limited", "voip.join"]) {
  test(`getToken knows the scope ${scope}`, async () => {
    const user = await client.createUser();
    assert.equal(claimsOf((await client.getToken(user, [scope])).token).acsScope, scope);
  });
}

test("getToken takes both ends of the interval of lifetimes", async () => {
  const user = await client.createUser();
  for (const minutes of [60, 1440]) {
    endsIn((await client.getToken(user, ["chat"], { tokenExpiresInMinutes: minutes })).expiresOn, minutes);
  }
});

test("lifetimes outside of it are refused, and no identity is made", async () => {
  const user = await client.createUser();
  for (const minutes of [59, 1441]) {
    const refusal = {
      statusCode: 400,
      code: "ValidationError",
      message: `ExpiresInMinutes value ${minutes} is invalid. Value must be within the [60, 1440] interval.`,
    };
    await assert.rejects(client.getToken(user, ["chat"], { tokenExpiresInMinutes: minutes }), refusal);
    await assert.rejects(client.createUserAndToken(["chat"], { tokenExpiresInMinutes: minutes }), refusal);
  }
});

test("getToken refuses an empty list of scopes", async () => {
  const user = await client.createUser();
  await assert.rejects(client.getToken(user, []), {
    statusCode: 400,
    code: "ValidationError",
    message: "Invalid scopes - Scopes field is required.",
  });
});

test("revokeTokens leaves the identity usable", async () => {
  const { user } = await client.createUserAndToken(["chat"]);
  await client.revokeTokens(user);
  assert.ok((await client.getToken(user, ["chat"])).token);
});

test("deleteUser ends the identity", async () => {
  const user = await client.createUser();
  await client.deleteUser(user);
  await assert.rejects(client.getToken(user, ["chat"]), { statusCode: 404, code: "IdentityNotFound" });
});

test("an identity of another resource is not ours", async () => {
  const refusal = { statusCode: 401, code: "IdentityNotOwned", message: "Provided identity doesn't belong to the resource." };
  await assert.rejects(client.getToken(otherResource, ["chat"]), refusal);
  await assert.rejects(client.revokeTokens(otherResource), refusal);
  await assert.rejects(client.deleteUser(otherResource), refusal);
});

test("an unknown api-version is refused", async () => {
  const other = new CommunicationIdentityClient(connectionString, { ...options, apiVersion: "2099-01-01" });
  await assert.rejects(other.createUser(), {
    statusCode: 400,
    code: "UnsupportedApiVersion",
    message: /does not support the API version '2099-01-01'/,
  });
});

test("an unknown scope is refused", async () => {
  const refusal = { statusCode: 400, code: "ValidationError" };
  await assert.rejects(client.getToken(await client.createUser(), ["video"]), refusal);
  await assert.rejects(client.createUserAndToken(["video"]), refusal);
});

test("another access key is denied", async () => {
  const stranger = new CommunicationIdentityClient(`endpoint=${endpoint};accesskey=${Buffer.from("stranger").toString("base64")}`, options);
  await assert.rejects(stranger.createUser(), { statusCode: 401, code: "Denied", message: "Denied by the resource provider." });
});

const clientId = "9b1f6a52-5c55-4a7e-8d5e-53d1d7a6f4a0";
const userObjectId = "0f9b4f43-6a1c-4a6e-9c3b-2f5e7a1b9c11";
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

test("getTokenForTeamsUser exchanges a token for one that ends with it", async () => {
  const exp = inAnHour();
  const teamsUserAadToken = teamsToken({ appid: clientId, oid: userObjectId, exp });
  const { token, expiresOn } = await client.getTokenForTeamsUser({ teamsUserAadToken, clientId, userObjectId });
  assert.equal(expiresOn.getTime(), exp * 1000);
  assert.equal(claimsOf(token).skypeid, `orgid:${userObjectId}`);
});

test("getTokenForTeamsUser refuses what is missing or wrong, the token first", async () => {
  const teamsUserAadToken = teamsToken({ appid: clientId, oid: userObjectId, exp: inAnHour() });
  const good = { teamsUserAadToken, clientId, userObjectId };
  const expired = teamsToken({ appid: clientId, oid: userObjectId, exp: inAnHour() - 7200 });
  const invalidToken = { statusCode: 401, code: "InvalidAccessToken", message: "Provided access token is not valid." };
  const invalid = (message) => ({ statusCode: 400, code: "ValidationError", message });
  for (const [wrong, refusal] of [
    [{ teamsUserAadToken: "" }, invalidToken],
    [{ teamsUserAadToken: "invalid", clientId: "" }, invalidToken],
    [{ teamsUserAadToken: expired, userObjectId: "" }, invalidToken],
    [{ clientId: "" }, invalid("AppId: The AppId field is required.")],
    [{ userObjectId: "" }, invalid("UserId: The UserId field is required.")],
    [{ clientId: "wrong" }, invalid("Provided AppId has invalid format.")],
    [{ clientId: userObjectId }, invalid("Provided AppId has invalid format.")],
    [{ userObjectId: "wrong" }, invalid("Provided UserId has invalid format.")],
    [{ userObjectId: clientId }, invalid("Provided UserId has invalid format.")],
  ]) {
    await assert.rejects(client.getTokenForTeamsUser({ ...good, ...wrong }), refusal);
  }
  await assert.rejects(
    client.getTokenForTeamsUser({ ...good, teamsUserAadToken: null }),
    (error) => /teamsUserAadToken|token cannot be null/.test(error.message),
  );
});

test("a throttled request is repeated by the SDK after Retry-After", async () => {
  // The emulator was started with revoke=1/1s.
  const user = await client.createUser();
  await client.revokeTokens(user);
  const start = Date.now();
  await client.revokeTokens(user);
  assert.ok(Date.now() - start >= 900, "was not throttled");
});

// The SDK gives bearer tokens to https alone.
test("a bearer token is taken instead of a key", { skip: bearerToken === undefined }, async () => {
  const credential = (token) => ({ getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 60 * minute }) });
  const user = await new CommunicationIdentityClient(endpoint, credential(bearerToken)).createUser();
  assert.match(user.communicationUserId, /^8:acs:/);
  await assert.rejects(new CommunicationIdentityClient(endpoint, credential("another")).createUser(), {
    statusCode: 401,
    code: "Denied",
  });
});
