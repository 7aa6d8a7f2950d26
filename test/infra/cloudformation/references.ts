import type { CfnTemplate, Report } from "./template-shape.ts";
import { getIntrinsic, isObject } from "./template-shape.ts";

/** A reference to a resource or parameter by logical ID. */
interface Reference {
  readonly id: string;
  readonly attribute?: string;
}

const PSEUDO =
  /^AWS::(AccountId|NotificationARNs|NoValue|Partition|Region|StackId|StackName|URLSuffix)$/;

/** Returns all references in a value, at any depth. */
function referencesIn(value: unknown): Reference[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isObject(value)) return [];
  const intrinsic = getIntrinsic(value);
  if (intrinsic?.[0] === "Ref") return [{ id: String(intrinsic[1]) }];
  if (intrinsic?.[0] === "Fn::GetAtt") {
    const [id, attribute] = intrinsic[1] as [string, string];
    return [{ id, attribute }];
  }
  if (intrinsic?.[0] === "Fn::Sub") {
    const [text, variables = {}] = [intrinsic[1]].flat() as [string, Record<string, unknown>?];
    const names = [...text.matchAll(/\$\{([^!}][^}]*)\}/g)].map(([, name = ""]) => name);
    return [
      ...names
        .filter((name) => !Object.hasOwn(variables, name))
        .map((name) => {
          const [id = "", ...attribute] = name.split(".");
          return { id, ...(attribute.length > 0 && { attribute: attribute.join(".") }) };
        }),
      ...referencesIn(variables),
    ];
  }
  return Object.values(value).flatMap(referencesIn);
}

/** Reports references to missing resources, and dependency cycles. */
export function checkReferences(
  template: CfnTemplate,
  hasAttribute: (id: string, attribute: string) => boolean,
  report: Report,
): void {
  const { Resources, Parameters = {}, Outputs = {} } = template;
  const check = (path: string, { id, attribute }: Reference) => {
    if (attribute !== undefined) {
      if (!Object.hasOwn(Resources, id)) report(path, `there is no resource ${id}`);
      else if (!hasAttribute(id, attribute)) report(path, `${id} has no attribute ${attribute}`);
    } else if (
      !Object.hasOwn(Resources, id) &&
      !Object.hasOwn(Parameters, id) &&
      !PSEUDO.test(id)
    ) {
      report(path, `there is no resource or parameter ${id}`);
    }
  };
  const edges = new Map<string, string[]>();
  for (const [path, { Properties, DependsOn = [] }] of Object.entries(Resources)) {
    const found = [
      ...referencesIn(Properties),
      ...[DependsOn].flat().map((id) => ({ id: String(id) })),
    ];
    for (const reference of found) check(path, reference);
    edges.set(
      path,
      found.map(({ id }) => id).filter((id) => Object.hasOwn(Resources, id)),
    );
  }
  for (const [name, output] of Object.entries(Outputs)) {
    for (const reference of referencesIn(output)) check(`Outputs.${name}`, reference);
  }
  const done = new Set<string>();
  const visit = (id: string, path: readonly string[]): void => {
    if (path.includes(id)) {
      report(id, `depends on itself: ${[...path.slice(path.indexOf(id)), id].join(" → ")}`);
      return;
    }
    if (done.has(id)) return;
    for (const next of edges.get(id) ?? []) visit(next, [...path, id]);
    done.add(id);
  };
  for (const id of edges.keys()) visit(id, []);
}
