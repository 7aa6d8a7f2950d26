import { Logger } from "@aws-lambda-powertools/logger";
import type { Context } from "aws-lambda";
import { createMetrics, type FunctionMetrics } from "../../functions/runtime/metrics.ts";
import type { Clock } from "../../shared/core/clock.ts";
import type { MetricService } from "../../shared/core/telemetry.ts";
import { logBytes } from "../../shared/cost/metering.ts";

const REQUEST_ID = "6f747a06-8c9f-4d8b-a5a0-f1b6b9a5c3d1";

/** Every invocation has a trace header, sampled or not. */
export const TRACE_HEADER =
  "Root=1-6747a066-8c9f4d8ba5a0f1b6b9a5c3d1;Parent=53995c3f42cd8ad8;Sampled=0";

/** Creates a function's logger and metrics, as its handler does. */
export function functionLog<S extends MetricService>(
  service: S,
  clock: Clock,
): { readonly logger: Logger; readonly metrics: FunctionMetrics<S> } {
  const functionName = `OAuthMonitoring-${service}-3f1C2d9E8a44`;
  const logger = new Logger({ serviceName: service });
  logger.addContext({
    functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: `arn:aws:lambda:us-east-1:123456789012:function:${functionName}`,
    memoryLimitInMB: "1024",
    awsRequestId: REQUEST_ID,
  } as Context);
  if (service === "authorizer") logger.appendKeys({ request_id: REQUEST_ID });
  return { logger, metrics: createMetrics(service, "OAuthMonitoring/OAuthMonitoring", clock) };
}

/** Captures the log output of functions and counts its bytes like CloudWatch. */
export async function meterLog<T>(work: () => Promise<T>): Promise<{ result: T; bytes: number }> {
  const { write } = process.stdout;
  const lines: string[] = [];
  process.stdout.write = ((chunk: unknown) => {
    lines.push(...String(chunk).split("\n").filter(Boolean));
    return true;
  }) as typeof write;
  try {
    const result = await work();
    return { result, bytes: logBytes(lines) };
  } finally {
    process.stdout.write = write;
  }
}
