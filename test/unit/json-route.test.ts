import type { APIGatewayProxyEvent, Context } from "aws-lambda";
import { describe, expect, it, vi } from "vitest";
import { jsonRoute } from "../../functions/runtime/json-route.ts";
import { DAY_MS, toInstant } from "../../shared/time/clock.ts";
import { rangeParametersSchema, resolveRange } from "../../shared/time/time-range.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");
const KEPT_DAYS = 90;
const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };

const route = jsonRoute(logger, rangeParametersSchema, async (range) =>
  resolveRange(range, NOW, KEPT_DAYS),
);

/** The faults that the route answers with. */
async function faults(parameters: Record<string, number>) {
  const event = {
    multiValueQueryStringParameters: Object.fromEntries(
      Object.entries(parameters).map(([name, atMs]) => [name, [toInstant(atMs)]]),
    ),
    requestContext: { requestId: "r" },
  } as unknown as APIGatewayProxyEvent;
  const { statusCode, body } = await route(event, {} as Context);
  expect(statusCode).toBe(400);
  return JSON.parse(body).errors;
}

describe("the problem of a range that is not valid", () => {
  it.each([
    ["/from", { from: NOW, to: NOW }, "from must be before to"],
    ["/from", { from: NOW - 91 * DAY_MS, to: NOW }, "choose a later from"],
    ["/to", { to: NOW - 90 * DAY_MS }, "choose a later to"],
    ["/to", { from: NOW, to: NOW + 367 * DAY_MS }, "choose an earlier to"],
  ])("points to %s: %j", async (pointer, parameters, detail) => {
    expect(await faults(parameters)).toEqual([
      { pointer, detail: expect.stringContaining(detail) },
    ]);
  });
});
