import { inject } from "vitest";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { createWorldAt } from "./world.ts";

export { type RecordingLogger, recordingLogger, type World } from "./world.ts";

// A store of its own for each test file, in the one DynamoDB Local.
process.env.AWS_ACCESS_KEY_ID = `tests${process.pid}x${Date.now()}`;

/** A world over fresh tables of the test file's store. */
export function createWorld(config: MonitoringConfigInput = {}) {
  return createWorldAt(inject("dynamodbEndpoint"), config);
}
