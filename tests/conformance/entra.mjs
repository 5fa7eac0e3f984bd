// entra.mjs - the SDKs' own credentials sign in at the emulator's Entra ID, and the service takes their tokens.
//
// usage: node entra.mjs CONNECTION_STRING FOLDER, with app.pem (certificate and key), other.pem (unknown) and federated.jwt in it
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ClientCertificateCredential,
  ClientSecretCredential,
  DefaultAzureCredential,
  EnvironmentCredential,
  WorkloadIdentityCredential,
} from "@azure/identity";
import { options, worksEverywhere } from "./signed_in.mjs";

const folder = process.argv[3];
const tenantId = "11111111-1111-4111-8111-111111111111";
const clientId = "22222222-2222-4222-8222-222222222222";
const clientSecret = "emulator~Secret.1+2/3=&%";
const scope = "https://communication.azure.com//.default";
const vault = "https://vault.example/.default";

const withSecret = (tenant, client, secret) => new ClientSecretCredential(tenant, client, secret, options);
const withCertificate = (name) =>
  new ClientCertificateCredential(tenantId, clientId, { certificatePath: `${folder}/${name}.pem` }, options);
const withFederation = (subject) =>
  new WorkloadIdentityCredential({ ...options, tenantId, clientId: subject, tokenFilePath: `${folder}/federated.jwt` });

test("a client secret", () => worksEverywhere(withSecret(tenantId, clientId, clientSecret)));

test("a client certificate", () => worksEverywhere(withCertificate("app")));

test("a workload identity", () => worksEverywhere(withFederation(clientId)));

test("the environment, and the default chain that finds it", async () => {
  Object.assign(process.env, { AZURE_TENANT_ID: tenantId, AZURE_CLIENT_ID: clientId, AZURE_CLIENT_SECRET: clientSecret });
  await worksEverywhere(new EnvironmentCredential(options));
  await worksEverywhere(new DefaultAzureCredential(options));
});

for (const [what, code, credential, wanted = scope] of [
  ["a wrong secret", "AADSTS7000215", withSecret(tenantId, clientId, "wrong")],
  ["an unknown application", "AADSTS700016", withSecret(tenantId, tenantId, clientSecret)],
  ["an unknown certificate", "AADSTS700027", withCertificate("other")],
  ["a federated token of somebody else", "AADSTS700016", withFederation(tenantId)],
  ["an unknown tenant", "AADSTS90002", withSecret(clientId, clientId, clientSecret)],
  ["an unknown audience", "AADSTS50001", withSecret(tenantId, clientId, clientSecret), vault],
]) {
  test(`${what} is refused with ${code}`, () =>
    assert.rejects(credential.getToken(wanted), { message: new RegExp(code) }));
}
