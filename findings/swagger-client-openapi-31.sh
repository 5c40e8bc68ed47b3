#!/usr/bin/env bash
# swagger-client 3.39.0, the resolver of Swagger UI: one operation of a document of 500 takes 78 times as long to resolve
# if the document says `openapi: 3.1.0` instead of `3.0.3`. Nothing else differs, and the result is the same.
#
# For 3.1 it reads the whole document to resolve any part of it, and Swagger UI asks anew for each operation that a
# reader opens.
#
# Output seen (Node.js 20.20.2; processor time, the least of three):
#   3.0.3: 62 ms
#   3.1.0: 4860 ms
#   the same result: true
#
# Why it matters: FastAPI and others publish 3.1 by default. A page of a large API takes seconds to open, and seconds
# again for each operation.
# Instead: publish 3.0.3 where nothing of 3.1 is used, or give Swagger UI a plugin with a `resolveSubtree` of your own.
set -euo pipefail

command -v npm >/dev/null || { echo "this finding needs Node.js and npm" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund swagger-client@3.39.0

cat >resolve.mjs <<'JAVASCRIPT'
import { isDeepStrictEqual } from "node:util";
import SwaggerClient from "swagger-client";

const OPERATIONS = 500;
const numbers = [...Array(OPERATIONS).keys()];

function schema() {
  const fields = [..."abcdefghij"].map((name) => [name, { type: "integer" }]);
  return { type: "object", properties: Object.fromEntries(fields) };
}

function operation(number) {
  const content = { "application/json": { schema: { $ref: `#/components/schemas/Schema${number}` } } };
  return { get: { responses: { 200: { description: "ok", content } } } };
}

function document(version) {
  return {
    openapi: version,
    info: { title: "example", version: "1" },
    paths: Object.fromEntries(numbers.map((number) => [`/items${number}`, operation(number)])),
    components: { schemas: Object.fromEntries(numbers.map((number) => [`Schema${number}`, schema()])) },
  };
}

async function resolve(version) {
  let least = Infinity;
  let resolved;
  for (let round = 0; round < 3; round += 1) {
    const before = process.cpuUsage();
    const options = { returnEntireTree: true, baseDoc: "http://localhost/openapi.json" };
    const { spec } = await SwaggerClient.resolveSubtree(document(version), ["paths", "/items7", "get"], options);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
    const answer = spec.paths["/items7"].get.responses[200].content["application/json"].schema;
    resolved = { type: answer.type, properties: answer.properties };
  }
  console.log(`${version}: ${Math.round(least)} ms`);
  return { least, resolved };
}

const older = await resolve("3.0.3");
const newer = await resolve("3.1.0");
const same = isDeepStrictEqual(JSON.parse(JSON.stringify(older.resolved)), JSON.parse(JSON.stringify(newer.resolved)));
console.log(`the same result: ${same}`);
if (!same || newer.least < 10 * older.least) {
  console.error("The behaviour has changed.");
  process.exit(1);
}
JAVASCRIPT
node resolve.mjs
