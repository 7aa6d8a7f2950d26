import { join } from "node:path";
import * as z from "zod";
import { monitoringConfigSchema } from "../../shared/config/monitoring-config.ts";
import { readComments, type SchemaComments } from "./schema-comments.ts";

const SCHEMA_FILE = join(import.meta.dirname, "../../shared/config/monitoring-config.ts");

const INTRODUCTION = `<!-- Written by npm run docs from shared/config/monitoring-config.ts. Do not edit. -->

# Configuration

This page lists every key you can set, with its type, its default and what it does.

Every key is optional. The most common ones are
[properties of the construct](attach.md#properties); all of them go into \`config\`:

\`\`\`json
{ "routes": [{ "path": "/orders/{id}", "scopes": ["orders:read"] }], "archive": { "enabled": false } }
\`\`\`

In a clone of this repository, the same object goes under \`oauthMonitoring\` in \`cdk.json\`. A mistake
stops the synthesis with a message that names the key and says what is wrong.

What differs from the defaults must fit into a function's environment: at most 2,560 bytes of JSON. If it
does not, the synthesis fails and names the largest key.
`;

const CLOSING = `
## Changing a shard count

Old and new code may run next to each other, and no event is lost or counted twice.

- To raise a count, deploy the higher \`read\` first, then the new \`write\`.
- To lower a count, lower \`write\` and leave \`read\` as it is until the old items have expired.
`;

type Schema = z.core.JSONSchema.JSONSchema;

/** Describes the bounds of a JSON Schema. */
function bounds({ minimum, maximum, exclusiveMinimum }: Schema): string {
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const show = (value: number) => value.toLocaleString("en-US");
  if (typeof exclusiveMinimum === "number") return ` above ${show(exclusiveMinimum)}`;
  if (minimum !== undefined && most !== undefined) return `, ${show(minimum)} to ${show(most)}`;
  if (minimum !== undefined) return `, at least ${show(minimum)}`;
  return most === undefined ? "" : `, at most ${show(most)}`;
}

/** Describes the type of a value. */
function typeOf(schema: Schema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  const inner = (member: unknown) => typeOf(member as Schema);
  switch (schema.type) {
    case "integer":
      return `integer${bounds(schema)}`;
    case "number":
      return `number${bounds(schema)}`;
    case "array": {
      const most = schema.maxItems === undefined ? "" : `, at most ${schema.maxItems}`;
      return `list of ${inner(schema.items).replace(/^object$/, "objects")}${most}`.replace(
        /^list of string/,
        "list of strings",
      );
    }
    case "object":
      return schema.additionalProperties
        ? `object of ${inner(schema.additionalProperties)}`
        : "object";
    default:
      return schema.anyOf ? schema.anyOf.map(inner).join(" or ") : String(schema.type);
  }
}

interface Row {
  readonly path: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** Returns a key and all keys below it. */
function rowsOf(row: Row): Row[] {
  const { path, schema } = row;
  const item = schema.type === "array" ? (schema.items as Schema) : schema;
  const prefix = schema.type === "array" ? `${path}[]` : path;
  const below = Object.entries(item.properties ?? {}).flatMap(([name, member]) =>
    rowsOf({
      path: `${prefix}.${name}`,
      schema: member as Schema,
      // With `io: "input"`, a member that has a default is not required.
      required: item.required?.includes(name) ?? false,
    }),
  );
  return [row, ...below];
}

function defaultOf({ schema, required }: Row): string {
  if (required) return "required";
  if (schema.type === "object" && schema.properties) return "";
  return schema.default === undefined ? "none" : `\`${JSON.stringify(schema.default)}\``;
}

function section(key: Row, comments: SchemaComments): string {
  const meaning = (path: string) => comments.get(path) ?? "";
  const rows = rowsOf(key)
    // The section's lead describes the key itself.
    .filter(({ path, schema }) => path !== key.path || !schema.properties)
    .map((row) => {
      const cells = [`\`${row.path}\``, typeOf(row.schema), defaultOf(row), meaning(row.path)];
      return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
    });
  const lead = key.schema.properties ? `${meaning(key.path)}\n\n` : "";
  return `\n## ${key.path}\n\n${lead}| key | type | default | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
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
    section({ path, schema: member as Schema, required: false }, comments),
  );
  return `${INTRODUCTION}${sections.join("")}${CLOSING}`;
}
