import { App, Stack } from "aws-cdk-lib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import {
  InvalidConfigError,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import { HOSTILE_TEXTS, hostileJson, PROTOTYPE_NAMES } from "../hostile-values.ts";

/** Each synthesis takes about a second. */
const SYNTHESES = 6;

type Json = Record<string, unknown>;

const DEFAULTS = JSON.parse(JSON.stringify(parseMonitoringConfig({}))) as Json;

/** Returns the path of every setting as a list of keys. */
function getPaths(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [[...path]];
  const below = Object.entries(value).flatMap(([key, member]) => getPaths(member, [...path, key]));
  return path.length === 0 ? below : [[...path], ...below];
}

const PATHS = getPaths(DEFAULTS);

/** Returns a configuration that contains one setting. */
function sayingAt([first = "", ...rest]: readonly string[], value: unknown): Json {
  return Object.fromEntries([[first, rest.length > 0 ? sayingAt(rest, value) : value]]);
}

const path = fc.constantFrom(...PATHS);

/** Includes numbers that JSON can't represent, because code can still pass them. */
const value = fc.oneof(
  hostileJson,
  fc.integer({ min: -10, max: 5000 }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 1e308, 2 ** 53, 0.5, -1),
  fc.array(fc.constantFrom(...HOSTILE_TEXTS), { maxLength: 3 }),
  fc.boolean(),
);

const getNumbers = (config: unknown): number[] => {
  if (typeof config === "number") return [config];
  return typeof config === "object" && config !== null
    ? Object.values(config).flatMap(getNumbers)
    : [];
};

/** Synthesizes the construct without bundling. */
function synthesize(config: MonitoringConfigInput): Stack {
  const app = new App({
    context: { "aws:cdk:bundling-stacks": [], "aws:cdk:disable-asset-staging": true },
  });
  const stack = new Stack(app, "Shop");
  new OAuthMonitoring(stack, "OAuthMonitoring", { config });
  app.synth();
  return stack;
}

describe("configuration with hostile values", () => {
  it("is either accepted completely or rejected with the key and the reason", () => {
    let rejected = 0;
    fc.assert(
      fc.property(path, value, (path, given) => {
        const same = (text: unknown) => JSON.stringify(text);
        try {
          const config = parseMonitoringConfig(sayingAt(path, given));
          expect(getNumbers(config).every(Number.isFinite)).toBe(true);
          expect(same(parseMonitoringConfig(config))).toBe(same(config));
          const handed = JSON.parse(same(sayingAt(path, given)));
          expect(same(parseMonitoringConfig(handed))).toBe(same(config));
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidConfigError);
          expect((error as Error).message).toContain(path[0]);
          rejected += 1;
        }
      }),
      { numRuns: 1000 },
    );
    expect(rejected).toBeGreaterThan(500);
  });

  it.each(PROTOTYPE_NAMES)("is rejected when the key %s appears anywhere", (name) => {
    const objects = [[], ...PATHS.filter((path) => isObjectAt(DEFAULTS, path))];
    // Users choose the keys in these settings, so unknown keys are ignored or rejected
    // separately.
    const open = ["retention.daysByEventType", "functions.reservedConcurrency", "responses.rules"];
    for (const path of objects.filter((each) => !open.includes(each.join(".")))) {
      const given = path.length > 0 ? sayingAt(path, own(name)) : own(name);
      expect(() => parseMonitoringConfig(given), path.join(".")).toThrow(name);
    }
  });

  it("is also rejected in a function's environment", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          hostileJson.map((json) => JSON.stringify(json)),
          fc.string(),
        ),
        (text) => {
          try {
            readEnvironment({ OAUTH_MONITORING_CONFIG: text }, ["OAUTH_MONITORING_CONFIG"]);
          } catch (error) {
            expect((error as Error).message).toContain("OAUTH_MONITORING_CONFIG");
          }
        },
      ),
    );
  });

  it("can be synthesized with every accepted value, including the limits", {
    timeout: 120_000,
  }, () => {
    const ends = PATHS.flatMap((path) =>
      [
        0,
        1,
        2,
        5,
        7,
        60,
        90,
        128,
        600,
        900,
        1000,
        1440,
        3650,
        86_400,
        Number.MAX_SAFE_INTEGER,
        true,
        false,
      ].map((end) => sayingAt(path, end) as MonitoringConfigInput),
    ).filter((config) => {
      try {
        return parseMonitoringConfig(config);
      } catch {
        return false;
      }
    });
    expect(ends.length).toBeGreaterThan(200);
    fc.assert(
      fc.property(fc.constantFrom(...ends), (config) => {
        expect(() => synthesize(config)).not.toThrow();
      }),
      { numRuns: SYNTHESES },
    );
  });

  it("can be synthesized with 100 routes", () => {
    const routes = Array.from({ length: 100 }, (_, n) => ({
      path: `/orders/${n}`,
      scopes: ["orders:read"],
    }));
    expect(() => synthesize({ routes })).not.toThrow();
  });

  it("is rejected when a route has more scopes than a denial can name", () => {
    const scopes = Array.from({ length: 20 }, (_, n) => `${n}`.padEnd(128, "x"));
    expect(() => parseMonitoringConfig({ routes: [{ path: "/a", scopes }] })).toThrow(
      /routes\.0\.scopes: the scopes exceed 1024 characters/,
    );
  });
});

/** Returns an object with an own property whose name is also on `Object.prototype`. */
function own(name: string): Json {
  return Object.fromEntries([[name, 1]]);
}

function isObjectAt(config: unknown, path: readonly string[]): boolean {
  const found = path.reduce<unknown>((at, key) => (at as Json)[key], config);
  return typeof found === "object" && found !== null && !Array.isArray(found);
}
