import { JSONPathEnvironment, type JSONPathQuery, type JSONValue } from "json-p3";
import * as z from "zod";
import { InvalidConfigError } from "../../config/monitoring-config.ts";
import { getEventSource, type ProviderMapping } from "../../config/provider-parameters.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";
import type { ProviderEvent } from "./provider-event.ts";

/** Numbers below this are seconds. As milliseconds, they would be before 1973-03-03. */
const FIRST_MILLISECONDS = 1e11;

/** JSONPath (RFC 9535) without regular expressions, because attacker-controlled text could make them very slow. */
const environment = new JSONPathEnvironment();
for (const name of ["match", "search"]) environment.functionRegister.delete(name);

type Field = keyof ProviderMapping["fields"];
type Queries = ReadonlyMap<Field, readonly JSONPathQuery[]>;

/** Compiles the paths of a mapping. Returns an error for each invalid path. */
function compile({ fields }: ProviderMapping) {
  const queries = new Map<Field, JSONPathQuery[]>();
  const errors: { readonly path: (string | number)[]; readonly message: string }[] = [];
  for (const [field, paths] of Object.entries(fields)) {
    if (paths === undefined) continue;
    const compiled = [paths].flat().flatMap((path, index) => {
      try {
        return [environment.compile(path)];
      } catch (error) {
        errors.push({
          path: ["fields", field, ...(Array.isArray(paths) ? [index] : [])],
          message: `invalid JSONPath (RFC 9535, without match() and search()): ${error instanceof Error ? error.message : error}`,
        });
        return [];
      }
    });
    queries.set(field as Field, compiled);
  }
  return { queries, errors };
}

type PathError = ReturnType<typeof compile>["errors"][number];

/** @throws InvalidConfigError listing every error in every mapping */
function rejectErrors(errorsByMapping: readonly (readonly PathError[])[]): void {
  const issues = errorsByMapping.flatMap((errors, index) =>
    errors.map(({ path, message }) => ({
      code: "custom" as const,
      path: ["providers", "mappings", index, ...path],
      message,
      input: undefined,
    })),
  );
  if (issues.length > 0) {
    throw new InvalidConfigError("the oauth-monitoring configuration", new z.ZodError(issues));
  }
}

/**
 * Checks the paths of mappings. The configuration's schema doesn't check their syntax.
 *
 * @throws InvalidConfigError listing every path that isn't valid JSONPath, and why
 */
export function checkMappings(mappings: readonly ProviderMapping[]): void {
  rejectErrors(mappings.map((mapping) => compile(mapping).errors));
}

/** Returns the first text, number or boolean found by a field's paths. */
function find(queries: Queries, field: Field, detail: unknown): string | number | undefined {
  for (const query of queries.get(field) ?? []) {
    try {
      for (const value of query.query(detail as JSONValue).values()) {
        if (typeof value === "number" || (typeof value === "string" && value !== "")) return value;
        if (typeof value === "boolean") return String(value);
      }
    } catch {
      // The detail is nested too deeply for a recursive path, so the path finds nothing.
    }
  }
  return undefined;
}

/** Returns the event type of a code: an exact match, or the longest matching prefix that ends in `*`. */
function lookUp(types: Readonly<Record<string, string>>, code: string): string | undefined {
  if (Object.hasOwn(types, code)) return types[code];
  const [longest] = Object.keys(types)
    .filter((key) => key.endsWith("*") && code.startsWith(key.slice(0, -1)))
    .sort((a, b) => b.length - a.length);
  return longest === undefined ? undefined : types[longest];
}

function parseTime(value: string | number | undefined): string | number | undefined {
  const isSeconds = typeof value === "number" && Math.abs(value) < FIRST_MILLISECONDS;
  return isSeconds ? value * 1000 : value;
}

/**
 * Creates an adapter from a mapping in the configuration.
 *
 * @throws InvalidConfigError if a path isn't valid JSONPath
 */
export function mappedProvider(mapping: ProviderMapping): ProviderAdapter {
  const { queries, errors } = compile(mapping);
  rejectErrors([errors]);
  const { name, failures, types, failedTypes } = mapping;
  const source = getEventSource(mapping);
  return {
    name,
    serves: (message) => message.source === source,
    read: ({ detail }): ProviderEvent => {
      const at = (field: Field) => find(queries, field, detail);
      const text = (field: Field) => at(field)?.toString();
      const code = text("code");
      const outcome = text("outcome");
      const failed = outcome !== undefined && failures.includes(outcome);
      const eventType = code === undefined ? undefined : lookUp(failed ? failedTypes : types, code);
      return {
        id: text("id"),
        code,
        occurredAt: parseTime(at("occurredAt")),
        eventType,
        outcome:
          failed || eventType === "auth_failed"
            ? "failure"
            : outcome === undefined
              ? undefined
              : "success",
        reason: text("reason"),
        clientId: text("clientId"),
        userId: text("userId"),
        sessionId: text("sessionId"),
        ip: text("ip"),
        enrichment: {
          country: at("country"),
          asn: at("asn"),
          organization: at("organization"),
          networkType: at("networkType"),
          latitude: at("latitude"),
          longitude: at("longitude"),
        },
        userAgent: text("userAgent"),
        endpoint: text("endpoint"),
        message: text("message"),
      };
    },
  };
}
