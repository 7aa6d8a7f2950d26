import type {
  PropertyType,
  Resource,
  ResourceProperties,
  SpecDatabase,
} from "@aws-cdk/service-spec-types";
import { getIntrinsic, isObject, type Report } from "./template-shape.ts";

/** Schemas against which resource properties are checked. */
export interface Schemas {
  readonly db: SpecDatabase;
  resource(type: string): Resource | undefined;
  /** Returns the type of the attribute that `Fn::GetAtt` reads, or undefined if there is no such attribute. */
  attribute(logicalId: string, attribute: string): PropertyType | undefined;
}

/** Returns the kinds of value that an intrinsic function can return, or undefined for any kind. */
function getKinds(
  [name, argument]: readonly [string, unknown],
  schemas: Schemas,
): string[] | undefined {
  switch (name) {
    case "Ref":
    case "Fn::Join":
    case "Fn::Sub":
    case "Fn::Base64":
      return ["string"];
    case "Fn::Split":
    case "Fn::GetAZs":
    case "Fn::Cidr":
      return ["array"];
    case "Fn::GetAtt": {
      const type = schemas.attribute(...(argument as [string, string]));
      return type && kindsOfType(type);
    }
    default:
      return undefined;
  }
}

/** Returns the kinds of JSON value that CloudFormation accepts for a type. */
function kindsOfType(type: PropertyType): string[] | undefined {
  switch (type.type) {
    case "string":
    case "date-time":
      return ["string"];
    case "integer":
    case "number":
    case "boolean":
      // CloudFormation converts text to numbers and booleans.
      return [type.type, "string"];
    case "array":
      return ["array"];
    case "union":
      return type.types.flatMap((each) => kindsOfType(each) ?? []);
    case "json":
      return undefined;
    default:
      return ["object"];
  }
}

function describe(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** Checks a value against a type and reports errors, including errors in nested values. */
function checkValue(
  value: unknown,
  type: PropertyType,
  path: string,
  schemas: Schemas,
  report: Report,
): void {
  const intrinsic = getIntrinsic(value);
  if (intrinsic) {
    const returned = getKinds(intrinsic, schemas);
    const accepted = kindsOfType(type);
    if (returned && accepted && !returned.some((kind) => accepted.includes(kind))) {
      report(
        path,
        `${intrinsic[0]} returns ${returned.join(" or ")}, not ${accepted.join(" or ")}`,
      );
    }
    return;
  }
  const expect = (isRight: boolean, wanted: string) => {
    if (!isRight) report(path, `${describe(value)} is not ${wanted}`);
    return isRight;
  };
  switch (type.type) {
    case "string":
      if (expect(typeof value === "string", "a string") && type.allowedValues) {
        expect(
          type.allowedValues.includes(String(value)),
          `one of ${type.allowedValues.join(", ")}`,
        );
      }
      return;
    case "integer":
      if (expect(Number.isInteger(value), "an integer") && type.allowedValues) {
        expect(
          type.allowedValues.includes(Number(value)),
          `one of ${type.allowedValues.join(", ")}`,
        );
      }
      return;
    case "number":
      expect(typeof value === "number", "a number");
      return;
    case "boolean":
      expect(typeof value === "boolean", "a boolean");
      return;
    case "date-time":
      expect(!Number.isNaN(Date.parse(String(value))), "a time");
      return;
    case "json":
      expect(typeof value === "object" || typeof value === "string", "JSON");
      return;
    case "tag":
      expect(isObject(value) && "Key" in value && "Value" in value, "a tag");
      return;
    case "array":
      if (!expect(Array.isArray(value), "a list")) return;
      for (const [index, member] of (value as unknown[]).entries()) {
        checkValue(member, type.element, `${path}.${index}`, schemas, report);
      }
      return;
    case "map":
      if (!expect(isObject(value), "a map")) return;
      for (const [key, member] of Object.entries(value as object)) {
        checkValue(member, type.element, `${path}.${key}`, schemas, report);
      }
      return;
    case "ref":
      if (!expect(isObject(value), "an object")) return;
      checkProperties(
        value as Record<string, unknown>,
        schemas.db.get("typeDefinition", type.reference).properties,
        path,
        schemas,
        report,
      );
      return;
    case "union": {
      const errors = type.types.map((each) => {
        const found: [string, string][] = [];
        checkValue(value, each, path, schemas, (at, error) => found.push([at, error]));
        return found;
      });
      if (errors.some(({ length }) => length === 0)) return;
      for (const [at, error] of errors[0] ?? []) report(at, error);
      return;
    }
    default:
      report(path, `the schema has a type that this check does not support: ${type.type}`);
  }
}

/** Checks names, required properties and values against the definitions. */
export function checkProperties(
  returned: Readonly<Record<string, unknown>>,
  definitions: ResourceProperties,
  path: string,
  schemas: Schemas,
  report: Report,
): void {
  for (const [name, { required }] of Object.entries(definitions)) {
    if (required && returned[name] === undefined) report(path, `${name} is required`);
  }
  for (const [name, value] of Object.entries(returned)) {
    const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (!definition) {
      report(path, `there is no property ${name}`);
      continue;
    }
    const { type, previousTypes = [] } = definition;
    const types = [type, ...previousTypes];
    const all: PropertyType = types.length === 1 ? type : { type: "union", types };
    checkValue(value, all, `${path}.${name}`, schemas, report);
  }
}
