import { loadAwsServiceSpecSync } from "@aws-cdk/aws-service-spec";
import type { CfnTemplate } from "./template-shape.ts";

/** A table's global secondary index. */
interface Index {
  readonly IndexName: string;
}

/** A resource that stores data, with the properties that identify it. */
export interface StatefulResource {
  readonly type: string;
  /** Properties that make CloudFormation replace the resource when they change. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly indexes?: readonly Index[];
  readonly deletionPolicy: string;
}

/** Resources that store data, by logical ID. */
export type StatefulTemplate = Readonly<Record<string, StatefulResource>>;

/** Types that store data although the AWS database doesn't mark them as stateful. */
const HOLDS_DATA = new Set([
  "AWS::Events::Archive",
  "AWS::Events::EventBus",
  "AWS::KMS::Key",
  "AWS::Logs::LogGroup",
]);

const db = loadAwsServiceSpecSync();

/** Returns the resources in a template that store data. */
export function getStatefulResources({ Resources }: CfnTemplate): StatefulTemplate {
  return Object.fromEntries(
    Object.entries(Resources).flatMap(([id, { Type, Properties = {}, DeletionPolicy }]) => {
      const found = db.lookup("resource", "cloudFormationType", "equals", Type);
      const definition = found.length > 0 ? found.only() : undefined;
      if (!definition?.isStateful && !HOLDS_DATA.has(Type)) return [];
      const identity = Object.entries(Properties).filter(
        ([name]) => definition?.properties[name]?.causesReplacement === "yes",
      );
      const indexes = Properties.GlobalSecondaryIndexes as readonly Index[] | undefined;
      const principal: StatefulResource = {
        type: Type,
        identity: Object.fromEntries(identity),
        ...(indexes && { indexes }),
        deletionPolicy: DeletionPolicy ?? "Delete",
      };
      return [[id, principal]];
    }),
  );
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

function findIndexErrors(id: string, before: StatefulResource, after: StatefulResource): string[] {
  const [was, is] = [before, after].map(
    ({ indexes = [] }) => new Map(indexes.map((index) => [index.IndexName, index])),
  ) as [Map<string, Index>, Map<string, Index>];
  const names = [...new Set([...was.keys(), ...is.keys()])];
  const changed = names.filter(
    (name) => was.has(name) && is.has(name) && !same(was.get(name), is.get(name)),
  );
  const cameOrWent = names.filter((name) => was.has(name) !== is.has(name));
  return [
    ...changed.map(
      (name) =>
        `${id}: the index ${name} changes, but DynamoDB cannot change an index. Give it a different name`,
    ),
    ...(cameOrWent.length > 1
      ? [
          `${id}: the indexes ${cameOrWent.join(", ")} are added or removed, but CloudFormation supports one such change per update`,
        ]
      : []),
  ];
}

/** Returns the data losses that an upgrade between two templates would cause. Empty if no data is lost. */
export function findUpgradeErrors(before: StatefulTemplate, after: StatefulTemplate): string[] {
  return Object.entries(before).flatMap(([id, was]) => {
    const is = after[id];
    if (!is) return [`${id} (${was.type}) is removed or renamed, so its data is left behind`];
    if (is.type !== was.type) return [`${id} becomes a ${is.type}`];
    const names = new Set([...Object.keys(was.identity), ...Object.keys(is.identity)]);
    const replaced = [...names].filter((name) => !same(was.identity[name], is.identity[name]));
    const unprotected = was.deletionPolicy !== "Delete" && is.deletionPolicy === "Delete";
    return [
      ...replaced.map((name) => `${id} (${was.type}) is replaced, because ${name} changes`),
      ...findIndexErrors(id, was, is),
      ...(unprotected ? [`${id} is no longer retained`] : []),
    ];
  });
}
