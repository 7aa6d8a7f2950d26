import { type MonitoringConfig, parseMonitoringConfig } from "./monitoring-config.ts";

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What of an object differs from another; undefined where nothing does. */
function difference(value: unknown, standard: unknown, whole: boolean): unknown {
  if (JSON.stringify(value) === JSON.stringify(standard)) return undefined;
  if (whole || !isObject(value) || !isObject(standard)) return value;
  const members = Object.entries(value).flatMap(([key, member]) => {
    const other = Object.hasOwn(standard, key) ? standard[key] : undefined;
    // Of shards, the count that is read defaults to the one that is written: they stand together.
    const differs = difference(member, other, "read" in Object(member));
    return differs === undefined ? [] : [[key, differs]];
  });
  return Object.fromEntries(members);
}

/**
 * What of a configuration differs from the defaults: parsed, it is the same configuration again. A
 * function's environment has 4 KB for all its variables, of which the defaults would take half.
 */
export function withoutDefaults(config: MonitoringConfig): Members {
  return (difference(config, parseMonitoringConfig({}), false) ?? {}) as Members;
}
