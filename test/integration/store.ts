import { afterAll, beforeAll } from "vitest";
import { startDynamoDbLocal } from "../../local/services/dynamodb-local.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { createWorldAt } from "./world.ts";

export { type RecordingLogger, recordingLogger, type World } from "./world.ts";

let endpoint = "";

/** Starts one DynamoDB Local for a test file. */
export function useDynamoDbLocal(): void {
  let close: () => Promise<void>;
  beforeAll(async () => {
    const local = await startDynamoDbLocal({ port: 0 });
    endpoint = local.endpoint;
    close = local.close;
  });
  afterAll(() => close());
}

/** A world over fresh tables of the test file's store. */
export function createWorld(config: MonitoringConfigInput = {}) {
  return createWorldAt(endpoint, config);
}
