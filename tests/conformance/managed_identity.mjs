// managed_identity.mjs - signs in with the managed identity that the environment names. One a process: the library keeps to
// the kind of host that it has once found.
//
// usage: node managed_identity.mjs CONNECTION_STRING [CLIENT_ID]; prints the name and message of what went wrong
import { ManagedIdentityCredential } from "@azure/identity";
import { options, worksEverywhere } from "./signed_in.mjs";

try {
  await worksEverywhere(new ManagedIdentityCredential({ ...options, clientId: process.argv[3] }));
} catch (error) {
  console.log(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
