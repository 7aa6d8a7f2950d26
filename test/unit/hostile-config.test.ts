import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  InvalidConfigError,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";

const RUNS = Number(process.env.HOSTILE_RUNS ?? 300) * 10;

type Path = readonly string[];

/** Every place in a configuration with all its defaults. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => placesIn(each, [...path, key]))];
}

const DEFAULTS = parseMonitoringConfig({});
const PLACES = placesIn(DEFAULTS).filter((path) => path.length > 0);

const hostile = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.double(),
  fc.bigInt(),
  fc.constantFrom(
    ...[Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1.5, 2 ** 53, "", "\u0000", null, undefined],
    ...[() => 1, Symbol("s"), new Date(0), new Map(), Object.create({ inherited: true })],
    ...["12", "*", "{proxy+}", "/{a+}/b", `/${"a".repeat(600)}`, "(a+)+$", "😀"],
  ),
);

const key = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "toString", "hasOwnProperty", "", "tracking "),
  fc.string({ maxLength: 8 }),
);

/** A copy with one member set, also where JavaScript gives the name a meaning of its own. */
function withMember(target: unknown, [name = "", ...rest]: Path, value: unknown): unknown {
  const members = Object.entries((target ?? {}) as object);
  const own = new Map<string, unknown>(members);
  own.set(name, rest.length === 0 ? value : withMember(own.get(name), rest, value));
  const copy: object = Array.isArray(target) ? [...target] : {};
  for (const [each, member] of own) {
    Object.defineProperty(copy, each, {
      value: member,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}

function outcomeOf(input: unknown) {
  try {
    return { config: parseMonitoringConfig(input) };
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidConfigError);
    return { message: (error as Error).message };
  }
}

describe("a hostile configuration", () => {
  it("is refused where it is wrong, or means the same when it is written and read again", () => {
    fc.assert(
      fc.property(fc.constantFrom(...PLACES), hostile, (path, value) => {
        const { config, message } = outcomeOf(withMember(DEFAULTS, path, value));
        if (message !== undefined) expect(message).toContain(path[0]);
        // As it reaches the functions: as JSON in an environment variable.
        else expect(parseMonitoringConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
      }),
      { numRuns: RUNS },
    );
  });

  it("is refused for a key that nobody knows, naming it", () => {
    fc.assert(
      fc.property(fc.constantFrom([], ...PLACES), key, hostile, (path, name, value) => {
        const target = path.reduce<unknown>(
          (each, part) => (each as Record<string, unknown>)[part],
          DEFAULTS,
        );
        fc.pre(
          typeof target === "object" &&
            !Array.isArray(target) &&
            !Object.hasOwn(target as object, name),
        );
        // Of the map of event types the keys are the writer's own.
        fc.pre(path.at(-1) !== "daysByEventType");
        const { message } = outcomeOf(withMember(DEFAULTS, [...path, name], value));
        expect(message).toBeDefined();
      }),
      { numRuns: RUNS },
    );
  });

  it("pollutes no prototype", () => {
    outcomeOf(
      JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    );
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it.each([undefined, null, 1, "{}", [], () => ({})].map((value) => [value]))(
    "that is no object (%s) is refused",
    (value) => {
      expect(outcomeOf(value).message).toContain("configuration");
    },
  );
});
