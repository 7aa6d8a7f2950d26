import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { synthesizeApp } from "../local/build/synthesize.ts";
import { startDynamoDbLocal } from "../local/services/dynamodb-local.ts";
import type { Assembly } from "../local/services/template.ts";

declare module "vitest" {
  export interface ProvidedContext {
    assembly: Assembly;
    /** Endpoint of DynamoDB Local, where each access key has its own tables. */
    dynamodbEndpoint: string;
  }
}

/** Synthesizes the app and starts DynamoDB Local, once for all test files. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-"));
  const [assembly, dynamodb] = await Promise.all([
    synthesizeApp(join(directory, "cdk.out")),
    startDynamoDbLocal({ port: 0, sharedDb: false }),
  ]);
  project.provide("assembly", assembly);
  project.provide("dynamodbEndpoint", dynamodb.endpoint);
  return async () => {
    await dynamodb.close();
    rmSync(directory, { recursive: true, force: true });
  };
}
