import { describe, expect, it } from "vitest";
import * as z from "zod";
import { InvalidCursorError } from "../../shared/audit-log/event-cursor.ts";
import {
  InvalidConfigError,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import {
  explain,
  IncompleteRequestError,
  OAuthMonitoringError,
  toInputErrors,
} from "../../shared/core/errors.ts";
import { InvalidRangeError } from "../../shared/core/time-range.ts";
import { AlertChangedError } from "../../shared/detection/alert-store.ts";
import { PublishError } from "../../shared/events/event-sink.ts";
import { TokenNotFoundError } from "../../shared/tokens/revoke-token.ts";

const schema = z.strictObject({
  limit: z.int().min(1).max(1000).optional(),
  name: z.string().min(2).max(5).optional(),
  from: z.iso.datetime({ error: "a UTC time" }).optional(),
  kind: z.enum(["a", "b"]).optional(),
  id: z.uuid().optional(),
  list: z
    .array(z.strictObject({ "a/b~c": z.string() }))
    .max(2)
    .optional(),
  either: z.union([z.string(), z.number()]).optional(),
});

function wrong(value: unknown) {
  const { error } = schema.safeParse(value);
  if (!error) throw new Error("it is right");
  return error;
}

it.each([
  ["OAuthMonitoringError", new OAuthMonitoringError()],
  ["IncompleteRequestError", new IncompleteRequestError()],
  ["InvalidCursorError", new InvalidCursorError("is damaged")],
  ["InvalidRangeError", new InvalidRangeError("/to", "later")],
  ["InvalidConfigError", new InvalidConfigError("it", wrong({ limit: 0 }))],
  ["TokenNotFoundError", new TokenNotFoundError("t1")],
  ["AlertChangedError", new AlertChangedError()],
  ["PublishError", new PublishError([], "no bus")],
])("%s has its own name and extends OAuthMonitoringError", (name, error) => {
  expect(error.name).toBe(name);
  expect(error).toBeInstanceOf(OAuthMonitoringError);
});

describe("toInputErrors", () => {
  it.each<[unknown, string, string]>([
    [{ limit: 5000 }, "/limit", "expected at most 1000"],
    [{ limit: 0 }, "/limit", "expected at least 1"],
    [{ limit: 1.5 }, "/limit", "expected a whole number"],
    [{ limit: "many" }, "/limit", "expected a number"],
    [{ name: "x" }, "/name", "expected at least 2 characters"],
    [{ name: "abcdef" }, "/name", "expected at most 5 characters"],
    [{ from: "yesterday" }, "/from", "expected a UTC time"],
    [{ kind: "c" }, "/kind", "expected one of a, b"],
    [{ id: "1" }, "/id", "expected a uuid"],
    [{ list: [{ "a/b~c": "" }, { "a/b~c": 1 }] }, "/list/1/a~1b~0c", "expected a string"],
    [{ list: [1, 2, 3] }, "/list", "expected at most 2 items"],
    [{ either: true }, "/either", "it does not have any of the allowed forms"],
    [{ lmit: 1 }, "/lmit", "unknown property"],
    ["text", "", "expected an object"],
  ])("reports for the value %j at %s: %s", (value, pointer, detail) => {
    expect(toInputErrors(wrong(value))).toContainEqual({ pointer, detail });
  });

  it.each([
    [z.number().lt(5), 5, "expected less than 5"],
    [z.number().gt(5), 5, "expected more than 5"],
    [z.set(z.string()).max(1), new Set(["a", "b"]), "expected at most 1 items"],
    [z.map(z.string(), z.string()).min(1), new Map(), "expected at least 1 entries"],
    [z.number().multipleOf(5), 7, "expected a multiple of 5"],
    [z.literal("only"), "other", "expected only"],
    [z.url(), "nowhere", "expected a url"],
    [z.ipv4(), "nowhere", "expected an ipv4"],
    [z.array(z.string()), {}, "expected an array"],
    [
      z.record(z.string().regex(/^a/), z.string()),
      { b: "c" },
      "it does not have any of the allowed forms",
    ],
    [z.never(), 1, "expected a never"],
    [z.custom(() => false), 1, "it is not valid"],
    [z.string().regex(/^a/, "a text with a"), "b", "expected a text with a"],
    [z.string().min(9, "choose a longer one"), "b", "choose a longer one"],
    [z.union([z.strictObject({ a: z.string() })]), { a: 1 }, "expected a string"],
  ])("reports a plain message for every kind of schema: %#", (own, value, detail) => {
    const { error } = (own as z.ZodType).safeParse(value);
    expect(error && toInputErrors(error).map((error) => error.detail)).toEqual([detail]);
  });

  it("reports the path of each unknown member", () => {
    expect(toInputErrors(wrong({ list: [{ "a/b~c": "", b: 1, c: 1 }] }))).toEqual([
      { pointer: "/list/0/b", detail: "unknown property" },
      { pointer: "/list/0/c", detail: "unknown property" },
    ]);
    const union = z.object({ at: z.union([z.strictObject({ a: z.string() })]) });
    const { error } = union.safeParse({ at: { a: 1 } });
    expect(error && toInputErrors(error)).toEqual([
      { pointer: "/at/a", detail: "expected a string" },
    ]);
  });

  it("returns one line of plain text from explain for any input", () => {
    const text = explain(wrong({ limit: 5000, "a\nb": 1, list: [{ "a/b~c": 1 }] }));
    expect(text).toBe(
      "limit: expected at most 1000; list.0.a/b~c: expected a string; a b: unknown property",
    );
    expect(text).not.toMatch(/[✖→\n]/);
  });

  it("never repeats the rejected value", () => {
    const secret = "oam_secretsecretsecretsecret";
    for (const value of [{ limit: secret }, { kind: secret }, { from: secret }, { id: secret }]) {
      expect(JSON.stringify(toInputErrors(wrong(value)))).not.toContain("secret");
    }
  });

  it("provides the error message for a rejected configuration", () => {
    expect(() => parseMonitoringConfig({ retention: { defaultDays: 0 }, relam: "x" })).toThrow(
      "the oauth-monitoring configuration is not valid: retention.defaultDays: expected at least 1; relam: unknown property",
    );
  });
});
