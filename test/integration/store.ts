import { inject } from "vitest";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { createWorldAt } from "./world.ts";

export { type RecordingLogger, recordingLogger, type World } from "./world.ts";

// Each test file gets its own tables in the shared DynamoDB Local.
process.env.AWS_ACCESS_KEY_ID = `tests${process.pid}x${Date.now()}`;

/** Creates a world with new tables in the test file's store. */
export function createWorld(config: MonitoringConfigInput = {}) {
  return createWorldAt(inject("dynamodbEndpoint"), config);
}
