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

/** What all projects of a run share. */
interface Shared {
  readonly assembly: Assembly;
  readonly dynamodbEndpoint: string;
  close(): Promise<void>;
}

// Each project loads its own copy of this module, but all copies run in one process.
const shared = globalThis as {
  oauthMonitoringSetUp?: Promise<Shared> | undefined;
  oauthMonitoringUsers?: number;
};

/** Synthesizes the app and starts DynamoDB Local, once for all projects. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  shared.oauthMonitoringSetUp ??= start();
  shared.oauthMonitoringUsers = (shared.oauthMonitoringUsers ?? 0) + 1;
  const { assembly, dynamodbEndpoint, close } = await shared.oauthMonitoringSetUp;
  project.provide("assembly", assembly);
  project.provide("dynamodbEndpoint", dynamodbEndpoint);
  return async () => {
    shared.oauthMonitoringUsers = (shared.oauthMonitoringUsers ?? 1) - 1;
    if (shared.oauthMonitoringUsers > 0) return;
    shared.oauthMonitoringSetUp = undefined;
    await close();
  };
}

async function start(): Promise<Shared> {
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-"));
  const [assembly, dynamodb] = await Promise.all([
    synthesizeApp(join(directory, "cdk.out")),
    startDynamoDbLocal({ port: 0, sharedDb: false }),
  ]);
  return {
    assembly,
    dynamodbEndpoint: dynamodb.endpoint,
    async close() {
      await dynamodb.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
