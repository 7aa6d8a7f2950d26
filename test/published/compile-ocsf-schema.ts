/**
 * Writes `ocsf-schema.json`, the published OCSF schema for the classes that we export and for every object that they
 * can contain. Omits only descriptions and profiles.
 *
 *     npx tsx test/published/compile-ocsf-schema.ts FOLDER COMMIT
 *     npx biome format --write test/published
 *
 * FOLDER contains the files of https://github.com/ocsf/ocsf-schema (Apache-2.0) at COMMIT.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CompiledAttribute, CompiledSchema, CompiledType, Definition } from "./ocsf-schema.ts";

const CLASSES = ["authentication", "api_activity", "detection_finding"];

interface SourceAttribute {
  readonly type?: string;
  readonly object_type?: string;
  readonly is_array?: boolean;
  readonly requirement?: string;
  readonly enum?: Readonly<Record<string, { readonly caption: string }>>;
  readonly sibling?: string;
  readonly profile?: string | null;
}

interface Source {
  readonly name?: string;
  readonly caption: string;
  readonly uid?: number;
  readonly category?: string;
  readonly extends?: string;
  readonly attributes: Readonly<Record<string, SourceAttribute>>;
  readonly constraints?: Definition["constraints"];
}

interface SourceType {
  readonly type?: string;
  readonly regex?: string;
  readonly max_len?: number;
  readonly range?: readonly [number, number];
}

const [, , folder = "", commit = ""] = process.argv;
if (!existsSync(join(folder, "dictionary.json")) || !/^[0-9a-f]{40}$/.test(commit)) {
  throw new Error("give the folder that contains the schema's files, and their commit");
}
const read = <T>(file: string) => JSON.parse(readFileSync(join(folder, file), "utf8")) as T;

const sources = (of: "events" | "objects"): ReadonlyMap<string, Source> =>
  new Map(
    readdirSync(join(folder, of), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".json"))
      .map((file) => read<Source>(join(of, file)))
      .map((source) => [source.name ?? source.extends ?? "", source]),
  );
const events = sources("events");
const objects = sources("objects");
const dictionary = read<Source & { readonly types: { attributes: Record<string, SourceType> } }>(
  "dictionary.json",
);
const categories = read<Source & { attributes: Record<string, { uid: number; caption: string }> }>(
  "categories.json",
);

/** Returns a definition with everything that it inherits. Its enumerations are merged with inherited ones. */
function inherited(of: ReadonlyMap<string, Source>, name: string): Source {
  const source = of.get(name);
  if (!source) throw new Error(`the schema has no ${name}`);
  if (source.extends === undefined || source.extends === name) return source;
  const base = inherited(of, source.extends);
  const attributes = { ...base.attributes };
  for (const [key, own] of Object.entries(source.attributes)) {
    const above = attributes[key];
    attributes[key] = {
      ...above,
      ...own,
      ...((above?.enum ?? own.enum) && { enum: { ...above?.enum, ...own.enum } }),
    };
  }
  return { ...base, ...source, attributes };
}

function compileAttribute(name: string, own: SourceAttribute): CompiledAttribute {
  const entry = dictionary.attributes[name];
  const type = own.type ?? entry?.type ?? "";
  const named = { ...entry?.enum, ...own.enum };
  const sibling = own.sibling ?? entry?.sibling;
  const isObject = objects.has(type);
  return {
    type: isObject ? "object" : type,
    ...(isObject && { object: type }),
    ...((own.is_array ?? entry?.is_array) && { array: true as const }),
    ...(own.requirement === "required" && { required: true as const }),
    ...(Object.keys(named).length > 0 && {
      enum: Object.fromEntries(Object.entries(named).map(([key, { caption }]) => [key, caption])),
    }),
    ...(sibling && { sibling }),
  };
}

function compile(source: Source): Definition {
  const own = Object.entries(source.attributes).filter(
    // Omits attributes from profiles, because our events name no profile.
    ([name, attribute]) => !name.startsWith("$") && !attribute.profile,
  );
  return {
    attributes: Object.fromEntries(
      own.map(([name, attribute]) => [name, compileAttribute(name, attribute)]),
    ),
    ...(source.constraints && { constraints: source.constraints }),
  };
}

function required({ attributes }: Definition, name: string): CompiledAttribute {
  const attribute = attributes[name];
  if (!attribute) throw new Error(`a class has no ${name}`);
  return attribute;
}

const compiledClasses = CLASSES.map((name) => {
  const source = inherited(events, name);
  const category = categories.attributes[source.category ?? ""];
  if (!category) throw new Error(`${name} has no category`);
  const uid = category.uid * 1000 + (source.uid ?? 0);
  const { caption } = source;
  // The schema's server derives these two enumerations from the class.
  const compiled = compile(source);
  const definition: Definition = {
    ...compiled,
    attributes: {
      ...compiled.attributes,
      class_uid: { ...required(compiled, "class_uid"), enum: { [uid]: caption } },
      category_uid: {
        ...required(compiled, "category_uid"),
        enum: { [category.uid]: category.caption },
      },
    },
  };
  return [
    String(uid),
    { caption, category: { uid: category.uid, caption: category.caption }, ...definition },
  ] as const;
});

/** Every object that a definition can contain, directly or indirectly. */
const compiledObjects = new Map<string, Definition>();
function reach({ attributes }: Definition): void {
  for (const { object } of Object.values(attributes)) {
    if (object === undefined || compiledObjects.has(object)) continue;
    const definition = compile(inherited(objects, object));
    compiledObjects.set(object, definition);
    reach(definition);
  }
}
for (const [, definition] of compiledClasses) reach(definition);

const types = Object.entries(dictionary.types.attributes).map(
  ([name, { type, regex, max_len, range }]): readonly [string, CompiledType] => [
    name,
    {
      ...(type && { type }),
      ...(regex && { regex }),
      ...(max_len && { max_len }),
      ...(range && { range }),
    },
  ],
);

const schema: CompiledSchema = {
  source: "https://github.com/ocsf/ocsf-schema, Apache-2.0",
  commit,
  version: read<{ version: string }>("version.json").version,
  types: Object.fromEntries(types),
  classes: Object.fromEntries(compiledClasses),
  objects: Object.fromEntries([...compiledObjects].toSorted()),
};
writeFileSync(join(import.meta.dirname, "ocsf-schema.json"), `${JSON.stringify(schema)}\n`);
