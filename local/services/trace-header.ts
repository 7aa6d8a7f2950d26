import { randomBytes } from "node:crypto";
import { SECOND_MS, systemClock } from "../../shared/core/clock.ts";

const hex = (bytes: number) => randomBytes(bytes).toString("hex");

/**
 * Starts a sampled trace, as API Gateway and Lambda do when tracing is on.
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
export function newTraceHeader(): string {
  const seconds = Math.floor(systemClock() / SECOND_MS).toString(16);
  return `Root=1-${seconds}-${hex(12)};Parent=${hex(8)};Sampled=1`;
}
