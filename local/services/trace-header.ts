import { randomBytes } from "node:crypto";
import { SECOND_MS, systemClock } from "../../shared/core/clock.ts";

const hex = (bytes: number) => randomBytes(bytes).toString("hex");

/**
 * Returns the header of a new sampled trace, as API Gateway and Lambda send it when tracing is on.
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
export function newTraceHeader(): string {
  const seconds = Math.floor(systemClock() / SECOND_MS).toString(16);
  return `Root=1-${seconds}-${hex(12)};Parent=${hex(8)};Sampled=1`;
}
