import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { APIGatewayRequestAuthorizerEvent, Context } from "aws-lambda";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { decideCall, reportFailure } from "../../functions/authorizer/decide-call.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { PublishError } from "../../shared/events/event-sink.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { writeConfigFile } from "../config-file.ts";
import { getValues, parseMetricLine } from "../embedded-metrics.ts";
import { recordingLogger } from "../integration/world.ts";

const CALL = {
  httpMethod: "GET",
  path: "/api/data",
  methodArn: "arn:aws:execute-api:eu-central-1:111122223333:abc/prod/GET/api/data",
  headers: { Authorization: "Bearer unknown" },
  requestContext: { requestId: "r-1", identity: { sourceIp: "203.0.113.9" } },
} as unknown as APIGatewayRequestAuthorizerEvent;

/** Requests to AWS services, by operation. */
const calls: { operation: string; input: Record<string, unknown> }[] = [];
let server: Server;
const lines: string[] = [];

/** DynamoDB finds no token, EventBridge fails, and SQS accepts everything. */
const ANSWERS: Readonly<Record<string, [number, object]>> = {
  "DynamoDB_20120810.UpdateItem": [
    400,
    { __type: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException" },
  ],
  "DynamoDB_20120810.GetItem": [200, {}],
  "AWSEvents.PutEvents": [400, { __type: "InternalException" }],
  "AmazonSQS.SendMessageBatch": [200, { Successful: [], Failed: [] }],
};

beforeAll(async () => {
  // The functions read the environment when they are loaded.
  vi.resetModules();
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const operation = String(request.headers["x-amz-target"]);
    calls.push({ operation, input: JSON.parse(body) });
    const [status, answer] = ANSWERS[operation] ?? [500, {}];
    response.writeHead(status, { "Content-Type": "application/x-amz-json-1.0" });
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    TOKENS_TABLE: "tokens",
    SESSIONS_TABLE: "sessions",
    CREDENTIALS_TABLE: "credentials",
    DENY_LIST_TABLE: "deny_list",
    EVENT_BUS_NAME: "bus",
    UNPUBLISHED_QUEUE_URL: `http://127.0.0.1:${port}/queue`,
    LAMBDA_TASK_ROOT: writeConfigFile(),
    OAUTH_MONITORING_STACK: "Shop",
    AWS_LAMBDA_RUNTIME_API: "",
  })) {
    vi.stubEnv(name, value);
  }
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});
afterEach(() => vi.restoreAllMocks());

describe("authorizer function", () => {
  it("denies an unknown token and spools the event when EventBridge is down", async () => {
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
      lines.push(...String(chunk).split("\n").filter(Boolean));
      return true;
    });
    for (const level of ["info", "warn", "error"] as const) {
      vi.spyOn(console, level).mockImplementation(() => {});
    }
    const { handler } = await import("../../functions/authorizer/handler.ts");
    const context = { functionName: "authorizer", awsRequestId: "l-1" } as Context;
    await expect(handler(CALL, context)).rejects.toThrow(/^Unauthorized$/);

    const sent = (operation: string) => calls.find((call) => call.operation === operation)?.input;
    expect(sent("DynamoDB_20120810.UpdateItem")).toMatchObject({ TableName: "tokens" });
    expect(sent("AWSEvents.PutEvents")).toMatchObject({ Entries: [{ EventBusName: "bus" }] });
    const aside = sent("AmazonSQS.SendMessageBatch") as { Entries: { MessageBody: string }[] };
    const [event] = aside.Entries.map(({ MessageBody }): OAuthEvent => JSON.parse(MessageBody));
    expect(event).toMatchObject({
      event_type: "auth_failed",
      event_data: { reason: "unknown_token", request_id: "r-1", ip: "203.0.113.9" },
    });
    const metrics = lines.filter((line) => line.includes('"_aws"')).map(parseMetricLine);
    expect(metrics[0]?.dimensions).toEqual({ service: "authorizer", stack: "Shop" });
    for (const name of ["EventsSpooled", "AuthFailed"]) {
      expect(getValues(metrics, name)).toEqual([1]);
    }
    expect(getValues(metrics, "DecisionDuration")).toHaveLength(1);
    const [initMs] = getValues(metrics, "InitDuration");
    expect(initMs).toBeGreaterThan(0);
    expect(initMs).toBeLessThan(performance.now());

    lines.length = 0;
    await expect(handler(CALL, context)).rejects.toThrow(/^Unauthorized$/);
    const later = lines.filter((line) => line.includes('"_aws"')).map(parseMetricLine);
    expect(getValues(later, "DecisionDuration")).toHaveLength(1);
    expect(getValues(later, "InitDuration")).toEqual([]);
  });
});

describe("decideCall", () => {
  function scene(publish: (events: readonly OAuthEvent[]) => Promise<void>) {
    const logger = recordingLogger();
    const counted: [string, number][] = [];
    const metrics = {
      count: (name: string, value: number) => void counted.push([name, value]),
      milliseconds: (name: string, value: number) => void counted.push([name, value]),
      publish: () => void counted.push(["published", counted.length]),
    };
    let nowMs = 1000;
    const works: (() => Promise<void>)[] = [];
    const authorizer = {
      clock: () => (nowMs += 5),
      logger,
      metrics,
      config: parseMonitoringConfig({ defaultScopes: { read: [], write: [] }, realm: "shop" }),
      sink: { publish },
      afterResponse: {
        announce: () => true,
        run: async (work: () => Promise<void>) => void works.push(work),
      },
    } as never;
    return { authorizer, logger, counted, works };
  }

  const MISSING = { ...CALL, headers: {} };

  it("logs, counts, times and publishes each decision exactly once, after the response", async () => {
    const published: OAuthEvent[] = [];
    const { authorizer, logger, counted, works } = scene(async (events) => {
      published.push(...events);
    });
    await expect(decideCall(authorizer, MISSING)).rejects.toThrow(/^Unauthorized$/);
    expect([...published, ...logger.lines, ...counted]).toEqual([]);
    for (const work of works) await work();
    expect(published).toHaveLength(1);
    expect(logger.lines).toMatchObject([
      {
        level: "info",
        extra: [
          {
            outcome: "unauthenticated",
            reason: "missing_token",
            event_ids: published.map(({ id }) => id),
          },
        ],
      },
    ]);
    // The clock is read three times: at the start, at the decision and at the end.
    expect(counted).toEqual([
      ["AuthFailed", 1],
      ["DecisionDuration", 10],
      ["published", 2],
    ]);
  });

  it("logs why publishing failed and counts the lost events", async () => {
    const lost = [1, 2].map((n) => createEvent({ eventType: "token_used", details: { n } }, 0));
    const { authorizer, logger, counted, works } = scene(() =>
      Promise.reject(new PublishError(lost, "no bus")),
    );
    await expect(decideCall(authorizer, MISSING)).rejects.toThrow();
    for (const work of works) await work();
    expect(logger.lines.at(-1)).toMatchObject({
      level: "error",
      extra: [{ cause: expect.stringContaining("no bus") }],
    });
    expect(counted).toEqual([
      ["AuthFailed", 1],
      ["DecisionDuration", 10],
      ["EventsLost", 2],
      // Metrics are written immediately, because Lambda may freeze the environment for a long time after an
      // allowed call.
      ["published", 3],
      ["published", 4],
    ]);
    reportFailure(authorizer, new Error("another"));
    expect(counted).toHaveLength(5);
  });

  it("counts a decision as unavailable when the function throws", async () => {
    const { authorizer, logger, counted, works } = scene(async () => {});
    const broken = { ...(authorizer as object), config: undefined } as never;
    await expect(
      decideCall(broken, { ...CALL, headers: { Authorization: "Bearer a" } }),
    ).rejects.toThrow(TypeError);
    for (const work of works) await work();
    expect(logger.lines[0]?.extra).toEqual([{ outcome: "failed", event_ids: [] }]);
    expect(counted[0]).toEqual(["Unavailable", 1]);
  });
});
