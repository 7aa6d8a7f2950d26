import { readFileSync } from "node:fs";
import { join } from "node:path";

/** An attribute, as written by `compile-ocsf-schema.ts`. */
export interface CompiledAttribute {
  /** A type from the dictionary, or `object`. */
  readonly type: string;
  /** Name of the object type. */
  readonly object?: string;
  readonly array?: true;
  readonly required?: true;
  /** Captions by value. */
  readonly enum?: Readonly<Record<string, string>>;
  /** Name of the attribute with the caption of this attribute's value. */
  readonly sibling?: string;
}

/** A type from the dictionary. If `type` is set, this type narrows that type. */
export interface CompiledType {
  readonly type?: string;
  readonly regex?: string;
  readonly max_len?: number;
  readonly range?: readonly [number, number];
}

/** A class or an object. */
export interface Definition {
  readonly attributes: Readonly<Record<string, CompiledAttribute>>;
  readonly constraints?: {
    readonly at_least_one?: readonly string[];
    readonly just_one?: readonly string[];
  };
}

/** A class, with the caption and the category of its events. */
export interface CompiledClass extends Definition {
  readonly caption: string;
  readonly category: { readonly uid: number; readonly caption: string };
}

/** The published schema for our classes. */
export interface CompiledSchema {
  readonly source: string;
  readonly commit: string;
  readonly version: string;
  readonly types: Readonly<Record<string, CompiledType>>;
  /** Classes by `class_uid`. */
  readonly classes: Readonly<Record<string, CompiledClass>>;
  readonly objects: Readonly<Record<string, Definition>>;
}

export const OCSF = JSON.parse(
  readFileSync(join(import.meta.dirname, "ocsf-schema.json"), "utf8"),
) as CompiledSchema;

/** A violation of the schema. */
export interface OcsfError {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

type Path = OcsfError["path"];

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Type checks of primitive types. `json_t` accepts anything. */
const PRIMITIVES: Readonly<Record<string, (value: unknown) => boolean>> = {
  boolean_t: (value) => typeof value === "boolean",
  float_t: (value) => typeof value === "number",
  integer_t: Number.isSafeInteger,
  json_t: () => true,
  long_t: Number.isSafeInteger,
  string_t: (value) => typeof value === "string",
};

const regexes = new Map<string, RegExp>();
function matches(regex: string, value: string): boolean {
  const known = regexes.get(regex) ?? new RegExp(regex);
  regexes.set(regex, known);
  return known.test(value);
}

function findTypeError(name: string, value: unknown): string | undefined {
  const type = OCSF.types[name];
  if (!type) return `the schema has no type ${name}`;
  if (!type.type) return PRIMITIVES[name]?.(value) ? undefined : `is not a valid ${name}`;
  const above = findTypeError(type.type, value);
  if (above) return above;
  if (typeof value === "string") {
    if (type.max_len !== undefined && value.length > type.max_len) return `is too long for ${name}`;
    if (type.regex !== undefined && !matches(type.regex, value)) return `is not a valid ${name}`;
  }
  if (typeof value === "number" && type.range) {
    const [least, most] = type.range;
    if (value < least || value > most) return `is out of the range of ${name}`;
  }
  return undefined;
}

function findValueErrors(attribute: CompiledAttribute, value: unknown, path: Path): OcsfError[] {
  if (attribute.array) {
    if (!Array.isArray(value)) return [{ path, message: "is not a list" }];
    const one = { ...attribute, array: undefined } as unknown as CompiledAttribute;
    return value.flatMap((each, index) => findValueErrors(one, each, [...path, index]));
  }
  if (attribute.object !== undefined) {
    if (!isObject(value)) return [{ path, message: "is not an object" }];
    const definition = OCSF.objects[attribute.object];
    // The object type `object` has no attributes and may have any members.
    return !definition || attribute.object === "object" ? [] : findErrors(definition, value, path);
  }
  const error = findTypeError(attribute.type, value);
  if (error) return [{ path, message: error }];
  if (attribute.enum && !Object.hasOwn(attribute.enum, String(value))) {
    return [{ path, message: `is not one of ${Object.keys(attribute.enum).join(", ")}` }];
  }
  return [];
}

function findErrors(
  { attributes, constraints }: Definition,
  value: Readonly<Record<string, unknown>>,
  path: Path,
): OcsfError[] {
  const given = Object.entries(value).filter(([, member]) => member !== undefined);
  const names = new Set(given.map(([name]) => name));
  const errors = given.flatMap(([name, member]) => {
    const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    const at = [...path, name];
    if (!attribute) return [{ path: at, message: "is not an attribute of the schema" }];
    const caption = attribute.enum?.[String(member)];
    const sibling = attribute.sibling === undefined ? undefined : value[attribute.sibling];
    // 99 means Other, and its sibling is free text.
    const misnamed = caption !== undefined && member !== 99 && sibling !== undefined;
    return [
      ...findValueErrors(attribute, member, at),
      ...(misnamed && sibling !== caption
        ? [{ path: [...path, attribute.sibling ?? ""], message: `is not ${caption}` }]
        : []),
    ];
  });
  for (const [name, { required }] of Object.entries(attributes)) {
    if (required && !names.has(name)) errors.push({ path: [...path, name], message: "is missing" });
  }
  const { at_least_one, just_one } = constraints ?? {};
  if (at_least_one && !at_least_one.some((name) => names.has(name))) {
    errors.push({ path, message: `has none of ${at_least_one.join(", ")}` });
  }
  if (just_one && just_one.filter((name) => names.has(name)).length !== 1) {
    errors.push({ path, message: `must have exactly one of ${just_one.join(", ")}` });
  }
  return errors;
}

/** Returns every way in which an event violates the published schema. */
export function findOcsfErrors(event: unknown): OcsfError[] {
  if (!isObject(event)) return [{ path: [], message: "is not an object" }];
  const { class_uid, activity_id, type_uid, category_uid, metadata } = event;
  const known = OCSF.classes[String(class_uid)];
  if (!known) return [{ path: ["class_uid"], message: "is not one of our classes" }];
  const computed: readonly (readonly [string, unknown])[] = [
    ["class_name", known.caption],
    ["category_uid", known.category.uid],
    ["category_name", known.category.caption],
    ["type_uid", Number(class_uid) * 100 + Number(activity_id)],
  ];
  const errors = computed.flatMap(([name, expected]) =>
    name in event && event[name] !== expected
      ? [{ path: [name], message: `is not ${expected}` }]
      : [],
  );
  if (isObject(metadata) && metadata.version !== OCSF.version) {
    errors.push({ path: ["metadata", "version"], message: `is not ${OCSF.version}` });
  }
  if (type_uid === undefined || category_uid === undefined) {
    errors.push({ path: [], message: "is missing its type or category" });
  }
  return [...errors, ...findErrors(known, event, [])];
}
