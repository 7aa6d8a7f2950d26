import { join } from "node:path";
import * as z from "zod";
import { monitoringConfigSchema } from "../../shared/config/monitoring-config.ts";
import { ENTRY_NAME, readComments, type SchemaComments } from "./schema-comments.ts";

const SCHEMA_FILE = join(import.meta.dirname, "../../shared/config/monitoring-config.ts");

const INTRODUCTION = `<!-- Written by npm run docs from shared/config/monitoring-config.ts. Do not edit. -->

# Configuration

This page lists every configuration key with its type, default and meaning. Use it to change a default.

Every key is optional. The most common ones are
[properties of the construct](attach.md#properties); all of them go into \`config\`:

\`\`\`json
{ "routes": [{ "path": "/orders/{id}", "scopes": ["orders:read"] }], "archive": { "enabled": false } }
\`\`\`

In a clone of this repository, put the same object under \`oauthMonitoring\` in \`cdk.json\`.

- If a value is invalid, the synthesis fails with a message that names the key and the mistake.
- The construct's functions read the configuration from a file in their code. \`monitoring.environment\` for your own
  functions contains the settings that you changed; Lambda limits a function's environment to 4 KB.

Each key is followed by its type and, after a semicolon, its default. Keys without a type are objects, and keys without a
default are unset. \`*\` matches every object at that level, \`NAME\` is a name that you choose, and \`[]\` is an item of
a list.
`;

const CLOSING = `
## Changing a shard count

You can change a shard count while traffic runs. No event is lost or counted twice.

- To raise a count, deploy the higher \`read\` first, then the new \`write\`.
- To lower a count, lower \`write\`. Keep \`read\` until the old items have expired.
`;

type Schema = z.core.JSONSchema.JSONSchema;

/** Describes the bounds of a JSON Schema. */
function bounds({ minimum, maximum, exclusiveMinimum }: Schema): string {
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const show = (value: number) => value.toLocaleString("en-US");
  if (typeof exclusiveMinimum === "number") return ` > ${show(exclusiveMinimum)}`;
  if (minimum !== undefined && most !== undefined) return ` ${show(minimum)}–${show(most)}`;
  if (minimum !== undefined) return ` ≥ ${show(minimum)}`;
  return most === undefined ? "" : ` ≤ ${show(most)}`;
}

/** Describes alternatives, such as a string or a list of strings. */
function alternatives(schemas: readonly Schema[]): string {
  const [one, list] = schemas;
  const isOneOrList =
    one && list?.type === "array" && one.type === (list.items as Schema).type && list.maxItems;
  return isOneOrList
    ? `${formatType(one)} or list (up to ${list.maxItems})`
    : schemas.map(formatType).join(" or ");
}

/** Describes the type of a value. */
function formatType(schema: Schema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  const inner = (member: unknown) => formatType(member as Schema);
  switch (schema.type) {
    case "integer":
      return `integer${bounds(schema)}`;
    case "number":
      return `number${bounds(schema)}`;
    case "array": {
      const items = inner(schema.items);
      const { maxItems } = schema;
      const names = (schema.items as Schema).enum;
      // The limit of a list of distinct names is obvious, so it is omitted.
      const most = maxItems === undefined || (names && maxItems >= names.length) ? "" : maxItems;
      if (/^(string|object)$/.test(items)) return `list of ${most && `up to ${most} `}${items}s`;
      return `list of ${items}${most && `, up to ${most}`}`;
    }
    case "object":
      return schema.additionalProperties
        ? `map of ${inner(schema.additionalProperties).replace(/^object$/, "objects")}`
        : "object";
    default:
      return schema.anyOf ? alternatives(schema.anyOf as Schema[]) : String(schema.type);
  }
}

/** Minimum number of keys for a nested key to get its own list. */
const LARGE = 9;

/** Key, type, default and meaning. */
type Cells = readonly [key: string, type: string, fallback: string, meaning: string];

interface Row {
  readonly path: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** Returns the keys directly below a key. */
function getMembers({ path, schema }: Row): Row[] {
  const isRecord = typeof schema.additionalProperties === "object";
  const item = schema.type === "array" ? schema.items : isRecord && schema.additionalProperties;
  const { properties, required } = (item || schema) as Schema;
  const prefix = schema.type === "array" ? `${path}[]` : isRecord ? `${path}.${ENTRY_NAME}` : path;
  return Object.entries(properties ?? {}).map(([name, member]) => ({
    path: `${prefix}.${name}`,
    schema: member as Schema,
    // With `io: "input"`, a member that has a default is not required.
    required: required?.includes(name) ?? false,
  }));
}

type Comments = (path: string) => string;

/** Returns a key and all keys below it, as cells. Keys that all sibling objects share are listed once, under `*`. */
function toCells(row: Row, comments: Comments): Cells[] {
  const members = getMembers(row);
  const groups = members
    .filter(({ schema }) => schema.type === "object" && schema.properties)
    .map((group) => ({ group, below: toCells(group, comments).slice(1) }));
  const underStar = ([key, ...rest]: Cells, { path }: Row): Cells => [
    `${path.slice(0, path.lastIndexOf("."))}.*${key.slice(path.length)}`,
    ...rest,
  ];
  const [first, ...others] = groups.map(({ group, below }) =>
    below.map((cells) => underStar(cells, group)),
  );
  const isIn = (rows: readonly Cells[], cells: Cells) =>
    rows.some((each) => each.join("|") === cells.join("|"));
  const shared =
    others.length > 0
      ? (first ?? []).filter((cells) => others.every((rows) => isIn(rows, cells)))
      : [];
  const own = members.flatMap((member) => {
    const [head, ...below] = toCells(member, comments);
    const isGroup = groups.some(({ group }) => group.path === member.path);
    const remaining = isGroup
      ? below.filter((cells) => !isIn(shared, underStar(cells, member)))
      : below;
    return head ? [head, ...remaining] : [];
  });
  const isObject = row.schema.type === "object" && row.schema.properties;
  const type = isObject ? "" : formatType(row.schema);
  return [[row.path, type, formatDefault(row), comments(row.path)], ...shared, ...own];
}

function formatDefault({ schema, required }: Row): string {
  if (required) return "required";
  if (schema.type === "object" && schema.properties) return "";
  return schema.default === undefined ? "" : `\`${JSON.stringify(schema.default)}\``;
}

function list(rows: readonly Cells[]): string {
  const items = rows.map(([key, type, fallback, meaning]) => {
    const facts = [type, fallback].filter(Boolean).join("; ");
    return `- \`${key}\`${facts && ` (${facts})`}: ${meaning}\n`;
  });
  return items.join("");
}

/**
 * Renders a section: as a paragraph if it has a single key, otherwise as a list. Large nested keys follow in lists of
 * their own.
 */
function section(key: Row, comments: Comments): string {
  const rows = toCells(key, comments);
  const [[, type, fallback, meaning] = ["", "", "", ""], ...below] = rows;
  const heading = `\n## ${key.path}\n\n`;
  if (below.length === 0)
    return `${heading}${meaning} Type: ${type}.${fallback && ` Default: ${fallback}.`}\n`;
  const isUnder = ([path]: Cells, { path: parent }: Row) =>
    path.startsWith(parent) && path !== parent;
  const large = getMembers(key).filter(
    (member) => below.filter((cells) => isUnder(cells, member)).length >= LARGE,
  );
  const rest = below.filter((cells) => !large.some((member) => isUnder(cells, member)));
  // The section's first paragraph describes an object. A list of objects is documented as an item.
  const main = key.schema.properties ? list(rest) : list(rows);
  const parts = large.map((member) => {
    const own = below.filter((cells) => isUnder(cells, member));
    return `\n### ${member.path}\n\n${list(own)}`;
  });
  return `${heading}${key.schema.properties ? `${meaning}\n\n` : ""}${main}${parts.join("")}`;
}

let comments: SchemaComments | undefined;

/** Reads the doc comments of the configuration. Cached, because the compiler takes seconds. */
function configurationComments(): SchemaComments {
  comments ??= readComments(SCHEMA_FILE, "MonitoringConfigInput");
  return comments;
}

/** Returns the configuration keys without a doc comment. */
export function undocumentedKeys(): string[] {
  return [...configurationComments()].flatMap(([path, comment]) => (comment ? [] : [path]));
}

/** Returns docs/configuration.md, generated from the schema and its doc comments. */
export function configurationPage(): string {
  const comments = configurationComments();
  const schema = z.toJSONSchema(monitoringConfigSchema, { io: "input" });
  const sections = Object.entries(schema.properties ?? {}).map(([path, member]) =>
    section(
      { path, schema: member as Schema, required: false },
      (each) => comments.get(each) ?? "",
    ),
  );
  return `${INTRODUCTION}${sections.join("")}${CLOSING}`;
}
