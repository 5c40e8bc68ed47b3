// Uses a running service with openapi-fetch and the types that openapi-typescript generated. The argument is its URL.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

type JSONTypes = "application/json" | "application/problem+json";

function require<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(what);
  return value;
}

const client = createClient<paths, JSONTypes>({ baseUrl: process.argv[2] });
const quick = { dataset: "iris", training: { epochs: 3 } };

const object = await client.POST("/experiments", {
  body: { ...quick, loss: { name: "focal", gamma: 2 }, model: { hidden: [8] }, seeds: [0, 1] },
});
const id = require(object.data, JSON.stringify(object.error)).id;
const bare = await client.POST("/experiments", { body: { ...quick, loss: "focal" } });
require(bare.data, JSON.stringify(bare.error));

const params = { path: { experiment_id: id }, query: { wait: 20 } };
let status = "queued";
while (status === "queued" || status === "running") {
  const response = await client.GET("/experiments/{experiment_id}", { params });
  status = require(response.data, "the experiment is gone").status;
}
const metrics = await client.GET("/experiments/{experiment_id}/metrics", { params: { path: params.path } });
const accuracies: number[] = require(metrics.data, "no metrics").items.map((row) => require(row.accuracy ?? undefined, "a regression"));

const wrong = await client.POST("/experiments", { body: { seeds: [1, 1] } });
const faults: string[] = require(wrong.error, "it was taken").errors.map((fault) => fault.message);
const missing = await client.GET("/experiments/{experiment_id}", { params: { path: { experiment_id: 999 } } });
const title: string = require(missing.error, "it was found").title;
console.log(JSON.stringify([status, accuracies.length, wrong.response.status, faults.length, missing.response.status, title]));
