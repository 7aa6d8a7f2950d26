import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type ClientRequest, createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import middy from "@middy/core";
import type { Context } from "aws-lambda";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { writeConfigFile } from "../config-file.ts";
import { recordingLogger } from "../integration/world.ts";

/**
 * Simulates the Lambda Extensions API and the AWS services. The environment is ready for the next call when the
 * extension asks for the next event.
 */
let server: Server;
let waiting: ServerResponse | undefined;
let nextRequested: (() => void) | undefined;
/** Runtime responses and EventBridge requests, in the order in which the process starts them. */
const order: string[] = [];

const PUT_EVENTS = "AWSEvents.PutEvents";

const noteCall = (message: unknown) => {
  const { request } = message as { readonly request: ClientRequest };
  if (request.getHeader("x-amz-target") === PUT_EVENTS) order.push("event");
};

beforeAll(async () => {
  // The functions read the environment when they are loaded.
  vi.resetModules();
  subscribe("http.client.request.start", noteCall);
  server = createServer((request, response) => {
    request.resume();
    const url = request.url ?? "";
    if (url.endsWith("/register")) {
      response.writeHead(200, { "lambda-extension-identifier": "ext-1" }).end("{}");
    } else if (url.endsWith("/event/next")) {
      waiting = response;
      nextRequested?.();
    } else {
      const isBus = request.headers["x-amz-target"] === PUT_EVENTS;
      response.writeHead(200, { "Content-Type": "application/x-amz-json-1.0" });
      response.end(JSON.stringify(isBus ? { Entries: [{ EventId: "e" }] } : {}));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const api = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const [name, value] of Object.entries({
    AWS_LAMBDA_RUNTIME_API: api,
    AWS_ENDPOINT_URL: `http://${api}`,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    TOKENS_TABLE: "tokens",
    SESSIONS_TABLE: "sessions",
    CREDENTIALS_TABLE: "credentials",
    DENY_LIST_TABLE: "deny_list",
    EVENT_BUS_NAME: "bus",
    UNPUBLISHED_QUEUE_URL: `http://${api}/queue`,
    LAMBDA_TASK_ROOT: writeConfigFile(),
    OAUTH_MONITORING_CONFIG: "{}",
    OAUTH_MONITORING_STACK: "Shop",
    POWERTOOLS_LOG_LEVEL: "SILENT",
  })) {
    vi.stubEnv(name, value);
  }
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterAll(() => {
  unsubscribe("http.client.request.start", noteCall);
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  order.length = 0;
});

async function free(): Promise<void> {
  if (!waiting) await new Promise<void>((resolve) => (nextRequested = resolve));
}

type Handler = (event: never, context: Context) => Promise<unknown>;

const CONTEXT = { functionName: "authorizer", awsRequestId: "l-1" } as Context;

/** Invokes the handler like aws-lambda-ric 4, which posts the response after a `setImmediate`. */
async function invoke(handler: Handler, event: unknown): Promise<void> {
  await free();
  waiting?.end(JSON.stringify({ eventType: "INVOKE", requestId: CONTEXT.awsRequestId }));
  waiting = undefined;
  await handler(event as never, CONTEXT).catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  order.push("response");
  await free();
}

const authorizer = async (): Promise<Handler> =>
  (await import("../../functions/authorizer/handler.ts")).handler;

const CALL = {
  httpMethod: "GET",
  path: "/api/data",
  headers: {},
  requestContext: { requestId: "r-1", identity: { sourceIp: "203.0.113.9" } },
};

describe("authorizer with the internal extension", () => {
  it.each([{}, null, "x", { requestContext: null }])(
    "is ready for the next call after the malformed event %j",
    { timeout: 5000 },
    async (event) => {
      await invoke(await authorizer(), event);
      expect(order).toEqual(["response"]);
    },
  );

  it("publishes an event after the response", async () => {
    const methodArn = "arn:aws:execute-api:eu-central-1:111122223333:abc/prod/GET/api/data";
    await invoke(await authorizer(), { ...CALL, methodArn });
    expect(order).toEqual(["response", "event"]);
  });
});

describe("Lambda middleware with the internal extension", () => {
  it("publishes an event after the response", async () => {
    waiting = undefined;
    const { oauthMonitoring } = await import("../../adapters/lambda/oauth-monitoring.ts");
    const handler = middy()
      .use(await oauthMonitoring({ logger: recordingLogger() }))
      .handler(async () => ({ statusCode: 200 }));
    await invoke(handler as Handler, CALL);
    expect(order).toEqual(["response", "event"]);
  });

  it("is ready for the next call after a malformed event", { timeout: 5000 }, async () => {
    waiting = undefined;
    const { oauthMonitoring } = await import("../../adapters/lambda/oauth-monitoring.ts");
    const handler = middy()
      .use(await oauthMonitoring({ logger: recordingLogger() }))
      .handler(async () => ({ statusCode: 200 }));
    for (const event of [{}, null, "x"]) await invoke(handler as Handler, event);
    expect(order).toEqual(["response", "response", "response"]);
  });
});
