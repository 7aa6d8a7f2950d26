import { type MonitoringConfig, parseMonitoringConfig } from "./monitoring-config.ts";

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Returns the members of `value` that differ from `standard`, or undefined if none does. */
function difference(value: unknown, standard: unknown, whole: boolean): unknown {
  if (JSON.stringify(value) === JSON.stringify(standard)) return undefined;
  if (whole || !isObject(value) || !isObject(standard)) return value;
  const members = Object.entries(value).flatMap(([key, member]) => {
    const other = Object.hasOwn(standard, key) ? standard[key] : undefined;
    // The default of `read` in `shards` is `write`, so keep both or neither.
    const differs = difference(member, other, "read" in Object(member));
    return differs === undefined ? [] : [[key, differs]];
  });
  return Object.fromEntries(members);
}

/**
 * Returns only the values that differ from the defaults. Parsing the result returns the same configuration.
 * The 4 KB environment of a function would be half full with the defaults.
 */
export function withoutDefaults(config: MonitoringConfig): Members {
  return (difference(config, parseMonitoringConfig({}), false) ?? {}) as Members;
}
