// replay.mjs - gives the recorded answers to the official SDK: it makes the recorded requests, and understands what
// recordings.json says was understood. So the SDK, our client (tests/unit/test_acs_recordings.c) and the emulator
// (replay.py) are held against the same exchanges.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { createHttpHeaders } from "@azure/core-rest-pipeline";
import { ClientSecretCredential } from "@azure/identity";

const { header_sets: headerSets, recordings } = JSON.parse(readFileSync(new URL("recordings.json", import.meta.url)));
const endpoint = "https://contoso.communication.azure.com";
const accessKey = Buffer.from("a key of nobody").toString("base64");
const authority = "https://login.microsoftonline.com";
const bearer = { getToken: async () => ({ token: "a.bearer.token", expiresOnTimestamp: Date.now() + 3_600_000 }) };

/** In place of the network: keeps the request and answers as recorded. */
class Recorded {
  constructor(response) {
    this.response = response;
  }

  async sendRequest(request) {
    this.request = request;
    const { status, body, headers } = this.response;
    const values = Object.assign({}, ...headers.map((name) => headerSets[name]));
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
    return { request, status, headers: createHttpHeaders(given), bodyAsText: body === null ? "" : JSON.stringify(body) };
  }
}

/** The same for what @azure/identity asks; beforehand it wants to know where to ask. */
class RecordedAuthority extends Recorded {
  async sendRequest(request) {
    if (!request.url.includes("/.well-known/")) return super.sendRequest(request);
    const issuer = `${authority}/SomeTenantId/v2.0`;
    const endpoints = {
      token_endpoint: `${authority}/SomeTenantId/oauth2/v2.0/token`,
      authorization_endpoint: `${authority}/SomeTenantId/oauth2/v2.0/authorize`,
      jwks_uri: `${authority}/SomeTenantId/discovery/v2.0/keys`,
    };
    return { request, status: 200, headers: createHttpHeaders(), bodyAsText: JSON.stringify({ issuer, ...endpoints }) };
  }
}

/** The recorded grant is asked for by every release, each with fields of its own besides. */
async function signsInAsRecorded({ request, response, understood }) {
  const httpClient = new RecordedAuthority(response);
  const options = { httpClient, authorityHost: authority, disableInstanceDiscovery: true };
  const credential = new ClientSecretCredential("SomeTenantId", "SomeClientId", "CLIENT_SECRET", options);
  const before = Date.now();
  const { token, expiresOnTimestamp } = await credential.getToken("https://communication.azure.com//.default");
  assert.equal(token, understood.token);
  assert.ok(Math.abs(expiresOnTimestamp - before - understood.lifetime_s * 1000) < 60_000);
  assert.equal(httpClient.request.method, request.method);
  assert.equal(new URL(httpClient.request.url).pathname, request.target.toLowerCase()); // as it writes a tenant
  const ours = new URLSearchParams(httpClient.request.body);
  for (const [name, value] of new URLSearchParams(request.body)) {
    if (name === "scope") assert.ok(ours.get(name).split(" ").includes(value));
    else if (name !== "response_type") assert.equal(ours.get(name), value);
  }
}

/** The call of the SDK's that makes such a request; undefined when it has none. */
function callFor({ operation, request }) {
  const body = JSON.parse(request.body ?? "{}");
  const user = { communicationUserId: decodeURIComponent(request.target.split(/[/?]/)[2] ?? "") };
  const options = { tokenExpiresInMinutes: body.expiresInMinutes };
  if (operation === "create" && body.customId !== undefined) return undefined;
  if (operation === "create" && body.createTokenWithScopes !== undefined) {
    return (client) => client.createUserAndToken(body.createTokenWithScopes, options);
  }
  return {
    create: (client) => client.createUser(),
    issue: (client) => client.getToken(user, body.scopes, options),
    revoke: (client) => client.revokeTokens(user),
    delete: (client) => client.deleteUser(user),
    exchange: (client) =>
      client.getTokenForTeamsUser({ teamsUserAadToken: body.token, clientId: body.appId, userObjectId: body.userId }),
  }[operation];
}

function isRecorded(request, recorded) {
  const url = new URL(request.url);
  assert.equal(request.method, recorded.method);
  assert.equal(url.pathname + url.search, recorded.target);
  assert.equal(request.headers.get("content-type"), recorded.content_type);
  assert.equal(request.body ?? "", recorded.body ?? "");
  if (recorded.auth === "entra") assert.equal(request.headers.get("authorization"), "Bearer a.bearer.token");
  if (recorded.content_sha256) assert.equal(request.headers.get("x-ms-content-sha256"), recorded.content_sha256);
}

async function isUnderstood(promise, { understood, response }) {
  if (understood.error !== undefined) {
    await assert.rejects(promise, { statusCode: response.status, code: understood.error, message: understood.message });
    return;
  }
  const result = await promise;
  assert.equal((result?.user ?? result)?.communicationUserId, understood.identity);
  assert.equal(result?.token, understood.token);
  assert.equal(result?.expiresOn?.getTime(), understood.expires_at_ms);
}

let replayed = 0;
for (const { name, exchanges } of recordings) {
  test(`the SDK makes and understands ${name}`, async (t) => {
    for (const exchange of exchanges) {
      if (exchange.operation === "token") {
        await signsInAsRecorded(exchange);
        replayed++;
        continue;
      }
      const call = callFor(exchange);
      if (call === undefined) {
        t.diagnostic(`this release of the SDK has no such call: ${exchange.operation}`);
        continue;
      }
      const httpClient = new Recorded(exchange.response);
      const apiVersion = exchange.request.target.split("api-version=")[1];
      const options = { httpClient, apiVersion, retryOptions: { maxRetries: 0 } };
      const client =
        exchange.request.auth === "entra"
          ? new CommunicationIdentityClient(endpoint, bearer, options)
          : new CommunicationIdentityClient(`endpoint=${endpoint}/;accesskey=${accessKey}`, options);
      await isUnderstood(call(client), exchange);
      isRecorded(httpClient.request, exchange.request);
      replayed++;
    }
  });
}

test("all but the two exchanges of the preview were replayed", () => assert.equal(replayed, 28));
