import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Context, SQSRecord } from "aws-lambda";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { writeConfigFile } from "../config-file.ts";

const NOW_MS = Date.parse("2026-11-25T08:00:00.000Z");

/** Messages whose visibility was changed. SQS is the only simulated AWS service that responds. */
const postponed: { ReceiptHandle: string; VisibilityTimeout: number }[] = [];
let server: Server;

beforeAll(async () => {
  // The functions read the environment when they are loaded.
  vi.resetModules();
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const isQueue = String(request.headers["x-amz-target"]).startsWith("AmazonSQS.");
    if (isQueue) postponed.push(JSON.parse(body));
    response.writeHead(isQueue ? 200 : 400, { "Content-Type": "application/x-amz-json-1.0" });
    response.end(JSON.stringify(isQueue ? {} : { __type: "ResourceNotFoundException" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL: url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    POWERTOOLS_LOG_LEVEL: "SILENT",
    SIGNALS_TABLE: "signals",
    SIGNAL_ISSUER: "https://issuer.example.com",
    SIGNAL_PUSH_QUEUE_URL: `${url}/1/pushes`,
    SIGNAL_EVENT_QUEUE_URL: `${url}/1/events`,
    WEBHOOK_QUEUE_URLS: `${url}/1/of-hook`,
    OAUTH_MONITORING_STACK: "Shop",
    LAMBDA_TASK_ROOT: writeConfigFile({
      signals: { transmitter: {} },
      notifications: {
        webhooks: [
          {
            name: "Hook",
            secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:hook-AbCdEf",
          },
        ],
      },
    }),
  })) {
    vi.stubEnv(name, value);
  }
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  postponed.length = 0;
});

const revocation = () =>
  createEvent(
    {
      eventType: "action_taken",
      details: {
        action_id: "a1",
        action: "revoke",
        target: { kind: "user", id: "ada" },
        reason: "token_theft",
        actor: { kind: "administrator", id: "ops" },
      },
    },
    NOW_MS,
  );

const message = (messageId: string, queue: string): SQSRecord =>
  ({
    messageId,
    receiptHandle: `receipt of ${messageId}`,
    body: JSON.stringify({ detail: revocation() }),
    attributes: { ApproximateReceiveCount: "1" },
    eventSourceARN: `arn:aws:sqs:eu-central-1:111122223333:${queue}`,
  }) as SQSRecord;

const context = { functionName: "f", awsRequestId: "l-1" } as Context;

describe("queue messages that can't be processed now", () => {
  it("return to the signal transmitter's queue within seconds", async () => {
    const { handler } = await import("../../functions/admin-routes/signal-transmitter.ts");
    const { batchItemFailures } = await handler({ Records: [message("m", "events")] }, context);
    expect(batchItemFailures).toEqual([{ itemIdentifier: "m" }]);
    expect(postponed).toMatchObject([{ ReceiptHandle: "receipt of m" }]);
    expect(postponed[0]?.VisibilityTimeout).toBeLessThanOrEqual(5);
  });

  it("fail when no webhook matches their queue, while other messages return within seconds", async () => {
    const { handler } = await import("../../functions/admin-routes/webhook.ts");
    const Records = [message("stray", "renamed"), message("m", "of-hook")];
    const { batchItemFailures } = await handler({ Records }, context);
    expect(batchItemFailures).toEqual([{ itemIdentifier: "stray" }, { itemIdentifier: "m" }]);
    expect(postponed).toMatchObject([{ ReceiptHandle: "receipt of m" }]);
  });
});
