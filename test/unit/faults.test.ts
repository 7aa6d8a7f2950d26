import { describe, expect, it } from "vitest";
import * as z from "zod";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { explain, faultsOf } from "../../shared/errors/faults.ts";

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

describe("faults", () => {
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
    [{ lmit: 1 }, "/lmit", "there is no such member"],
    ["text", "", "expected an object"],
  ])("of %j are at %s: %s", (value, pointer, detail) => {
    expect(faultsOf(wrong(value))).toContainEqual({ pointer, detail });
  });

  it("are one line of plain text, whatever the input holds", () => {
    const text = explain(wrong({ limit: 5000, "a\nb": 1, list: [{ "a/b~c": 1 }] }));
    expect(text).toBe(
      "limit: expected at most 1000; list.0.a/b~c: expected a string; a b: there is no such member",
    );
    expect(text).not.toMatch(/[✖→\n]/);
  });

  it("never repeat what was given", () => {
    const secret = "oam_secretsecretsecretsecret";
    for (const value of [{ limit: secret }, { kind: secret }, { from: secret }, { id: secret }]) {
      expect(JSON.stringify(faultsOf(wrong(value)))).not.toContain("secret");
    }
  });

  it("are what a refused configuration says", () => {
    expect(() => parseMonitoringConfig({ retention: { defaultDays: 0 }, relam: "x" })).toThrow(
      "the oauth-monitoring configuration is not valid: retention.defaultDays: expected at least 1; relam: there is no such member",
    );
  });
});
