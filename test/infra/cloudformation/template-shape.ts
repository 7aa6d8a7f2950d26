/** A resource in a CloudFormation template. */
export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

/** A CloudFormation template. */
export interface CfnTemplate {
  readonly Description?: string;
  readonly Parameters?: Readonly<Record<string, unknown>>;
  readonly Mappings?: Readonly<Record<string, unknown>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, unknown>>;
}

/** Reports an error at a path such as `Queue.Properties.Tags`. */
export type Report = (path: string, error: string) => void;

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Returns an intrinsic function and its argument, or undefined for any other value. */
export function getIntrinsic(
  value: unknown,
): readonly [name: string, argument: unknown] | undefined {
  if (!isObject(value)) return undefined;
  const [first, second] = Object.entries(value);
  if (!first || second) return undefined;
  return first[0] === "Ref" || first[0] === "Condition" || first[0].startsWith("Fn::")
    ? first
    : undefined;
}

/**
 * Returns text that is as long as the deployed value can be. Assumes 64 characters for names that
 * CloudFormation generates.
 */
export function getText(value: unknown): string {
  const intrinsic = getIntrinsic(value);
  if (!intrinsic) return typeof value === "string" ? value : JSON.stringify(value);
  const [name, argument] = intrinsic;
  if (name !== "Fn::Join") return "x".repeat(64);
  const [separator, parts] = argument as [string, unknown[]];
  return parts.map(getText).join(separator);
}
