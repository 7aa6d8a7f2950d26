import { loadAwsServiceSpecSync } from "@aws-cdk/aws-service-spec";
import type { PropertyType } from "@aws-cdk/service-spec-types";
import { checkProperties, type Schemas } from "./check-properties.ts";
import { checkReferences } from "./references.ts";
import { checkLimits } from "./service-limits.ts";
import type { CfnTemplate, Report } from "./template-shape.ts";

const db = loadAwsServiceSpecSync();

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const MOST = { Resources: 500, Outputs: 200, Parameters: 200, Mappings: 200 } as const;
const MAX_BYTES = 1_000_000;

const DELETION = ["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"];
const REPLACE = ["Delete", "Retain", "Snapshot"];

function getResource(type: string) {
  const found = db.lookup("resource", "cloudFormationType", "equals", type);
  return found.length > 0 ? found.only() : undefined;
}

/**
 * Returns the errors in a template. Checks it against the CloudFormation resource schemas (names,
 * required properties, types, enums, read-only properties), CloudFormation's own rules (references,
 * cycles, limits) and the limits of the services.
 */
export function checkTemplate(template: CfnTemplate): string[] {
  const errors: string[] = [];
  const report: Report = (path, error) => errors.push(`${path}: ${error}`);
  const attribute = (id: string, name: string): PropertyType | undefined => {
    const resource = getResource(template.Resources[id]?.Type ?? "");
    return resource?.attributes[name]?.type ?? resource?.properties[name]?.type;
  };
  const schemas: Schemas = { db, resource: getResource, attribute };
  for (const [id, resource] of Object.entries(template.Resources)) {
    const { Type, Properties = {}, DeletionPolicy, UpdateReplacePolicy } = resource;
    if (!/^[A-Za-z0-9]{1,255}$/.test(id)) report(id, "is not a valid logical ID");
    if (DeletionPolicy && !DELETION.includes(DeletionPolicy)) {
      report(id, `DeletionPolicy ${DeletionPolicy} is not one of ${DELETION.join(", ")}`);
    }
    if (UpdateReplacePolicy && !REPLACE.includes(UpdateReplacePolicy)) {
      report(id, `UpdateReplacePolicy ${UpdateReplacePolicy} is not one of ${REPLACE.join(", ")}`);
    }
    const definition = getResource(Type);
    if (!definition) {
      report(id, `there is no resource type ${Type}`);
      continue;
    }
    const readOnly = Object.keys(Properties).filter(
      (name) =>
        !Object.hasOwn(definition.properties, name) && Object.hasOwn(definition.attributes, name),
    );
    for (const name of readOnly) report(id, `${name} is read-only`);
    const writable = Object.entries(Properties).filter(([name]) => !readOnly.includes(name));
    checkProperties(Object.fromEntries(writable), definition.properties, id, schemas, report);
  }
  checkReferences(template, (id, name) => attribute(id, name) !== undefined, report);
  checkLimits(template.Resources, report);
  for (const [section, most] of Object.entries(MOST)) {
    const { length } = Object.keys(template[section as keyof typeof MOST] ?? {});
    if (length > most) report(section, `has ${length} members, more than ${most}`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(template));
  if (bytes > MAX_BYTES) report("template", `has ${bytes} bytes, more than ${MAX_BYTES}`);
  if (Buffer.byteLength(template.Description ?? "") > 1024) {
    report("Description", "has more than 1024 bytes");
  }
  return errors;
}
