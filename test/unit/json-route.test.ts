import type { APIGatewayProxyEvent, Context } from "aws-lambda";
import { describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { jsonBodyRoute, jsonRoute } from "../../functions/runtime/json-route.ts";
import { logger } from "../../functions/runtime/logger.ts";
import { DAY_MS, toInstant } from "../../shared/core/clock.ts";
import { rangeParametersSchema, resolveRange } from "../../shared/core/time-range.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");
const KEPT_DAYS = 90;
const logError = vi.spyOn(logger, "error").mockReturnValue();

const route = jsonRoute(undefined, rangeParametersSchema, async (range) =>
  resolveRange(range, NOW, KEPT_DAYS),
);

/** Calls the route and returns the errors in the response. */
async function errors(parameters: Record<string, number>) {
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

describe("jsonRoute with an invalid range", () => {
  it.each([
    ["/from", { from: NOW, to: NOW }, "from must be before to"],
    ["/from", { from: NOW - 91 * DAY_MS, to: NOW }, "Choose a later from"],
    ["/to", { to: NOW - 90 * DAY_MS }, "Choose a later to"],
    ["/to", { from: NOW, to: NOW + 367 * DAY_MS }, "Choose an earlier to"],
  ])("returns an error that names %s: %j", async (pointer, parameters, detail) => {
    expect(await errors(parameters)).toEqual([
      { pointer, detail: expect.stringContaining(detail) },
    ]);
  });
});

describe("JSON routes with invalid stored data", () => {
  const corrupt = async () => z.object({ expires_at: z.string() }).parse({ expires_at: 1 });
  const request = (more: object) =>
    ({ requestContext: { requestId: "r" }, ...more }) as unknown as APIGatewayProxyEvent;

  it.each([
    [
      "GET",
      () => jsonRoute(undefined, z.strictObject({}), corrupt),
      request({ multiValueQueryStringParameters: null }),
    ],
    [
      "POST",
      () => jsonBodyRoute(undefined, z.strictObject({}), corrupt, () => undefined),
      request({ multiValueHeaders: { "Content-Type": ["application/json"] }, body: "{}" }),
    ],
  ])("respond to %s with 500 and log the error", async (_, open, event) => {
    logError.mockClear();
    const { statusCode, body } = await open()(event, {} as Context);
    expect(statusCode).toBe(500);
    expect(body).not.toContain("expires_at");
    expect(logError).toHaveBeenCalledOnce();
    expect(logError.mock.calls[0]?.[1]).toMatchObject({ error: expect.any(z.ZodError) });
  });

  it("respond with 400 and log nothing when a parameter is invalid", async () => {
    logError.mockClear();
    const event = request({ multiValueQueryStringParameters: { unknown: ["1"] } });
    const { statusCode } = await jsonRoute(
      undefined,
      z.strictObject({}),
      corrupt,
    )(event, {} as Context);
    expect(statusCode).toBe(400);
    expect(logError).not.toHaveBeenCalled();
  });
});
