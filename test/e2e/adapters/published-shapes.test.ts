import {
  AlbMultiValueHeadersSchema,
  AlbSchema,
  APIGatewayProxyEventSchema,
  APIGatewayProxyEventV2Schema,
  APIGatewayRequestAuthorizerEventSchema,
  APIGatewayRequestAuthorizerV2Schema,
  EventBridgeSchema,
  LambdaFunctionUrlSchema,
  SqsSchema,
} from "@aws-lambda-powertools/parser/schemas";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  FUNCTION_URL_EVENT,
  HTTP_API_AUTHORIZER_EVENT,
  HTTP_API_EVENT,
  LOAD_BALANCER_EVENT,
  LOAD_BALANCER_MULTI_VALUE_EVENT,
  REST_API_EVENT,
} from "../../gateway-events.ts";
import { useStack } from "../stack.ts";
import { lambdaAdapters } from "./adapters.ts";
import { synthesizeAdapters } from "./adapters-assembly.ts";

/** Schemas from Powertools for AWS Lambda, by the event that each describes. */
const SCHEMAS = {
  "REST API's authorizer": APIGatewayRequestAuthorizerEventSchema,
  "REST API": APIGatewayProxyEventSchema,
  "HTTP API's authorizer": APIGatewayRequestAuthorizerV2Schema,
  "HTTP API": APIGatewayProxyEventV2Schema,
  "function URL": LambdaFunctionUrlSchema,
  "load balancer": AlbSchema,
  "load balancer with multi-value headers": AlbMultiValueHeadersSchema,
  queue: SqsSchema,
  schedule: EventBridgeSchema,
} as const;

type Source = keyof typeof SCHEMAS;

/** Detects the source of an AWS event from its fields. */
function detectSource(event: object): Source {
  if ("Records" in event) return "queue";
  if ("detail-type" in event) return "schedule";
  if ("methodArn" in event) return "REST API's authorizer";
  if ("routeArn" in event) return "HTTP API's authorizer";
  if ("httpMethod" in event) return "REST API";
  return JSON.stringify(event).includes(".lambda-url.") ? "function URL" : "HTTP API";
}

const { assembly, remove } = await synthesizeAdapters({});
afterAll(remove);
const scene = useStack({ assembly: () => assembly });

const invocations = new Map<Source, object[]>();
beforeAll(async () => {
  const { stack, caller, settle } = scene();
  const { functions } = stack;
  const invoke = functions.invoke.bind(functions);
  functions.invoke = (name, payload, ...rest) => {
    const source = detectSource(payload as object);
    invocations.set(source, [...(invocations.get(source) ?? []), payload as object]);
    return invoke(name, payload, ...rest);
  };
  const served = lambdaAdapters(scene()).filter(({ name }) => !name.includes("balancer"));
  const ip = { "x-forwarded-for": "203.0.113.9" };
  for (const headers of [{ ...ip, authorization: `Bearer ${caller}` }, ip]) {
    for (const adapter of served) await adapter.call("GET", "/api/orders?page=1&page=2", headers);
  }
  const run = `${stack.url}/_local/schedules/cleanup/run`;
  expect((await fetch(run, { method: "POST" })).status).toBe(200);
  await settle();
});

describe("AWS event with the shape that Powertools for AWS Lambda publishes", () => {
  it.each([
    "REST API's authorizer",
    "REST API",
    "HTTP API's authorizer",
    "HTTP API",
    "function URL",
    "queue",
    "schedule",
  ] as const)("equals the event that the local stack sends to a function behind a %s", (source) => {
    const events = invocations.get(source) ?? [];
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) {
      expect(SCHEMAS[source].safeParse(event).error?.issues ?? []).toEqual([]);
    }
  });

  it("is contained in each message that the subscriber receives", () => {
    const bodies = (invocations.get("queue") ?? []).flatMap((event) =>
      SqsSchema.parse(event).Records.map(({ body }) => JSON.parse(body as string)),
    );
    expect(bodies.length).toBeGreaterThan(0);
    for (const body of bodies) {
      expect(EventBridgeSchema.safeParse(body).error?.issues ?? []).toEqual([]);
    }
  });

  it.each<[Source, object]>([
    ["REST API", REST_API_EVENT],
    ["HTTP API's authorizer", HTTP_API_AUTHORIZER_EVENT],
    ["HTTP API", HTTP_API_EVENT],
    ["function URL", FUNCTION_URL_EVENT],
    ["load balancer", LOAD_BALANCER_EVENT],
    ["load balancer with multi-value headers", LOAD_BALANCER_MULTI_VALUE_EVENT],
  ])("is the base event in the tests for a %s", (source, event) => {
    expect(SCHEMAS[source].safeParse(event).error?.issues ?? []).toEqual([]);
  });
});
