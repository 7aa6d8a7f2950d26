import { logicalIdOfArn, type Template } from "./template.ts";

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

interface PolicyProperties {
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  readonly Roles: readonly string[];
}

/** One thing that a call does, in IAM's terms: `dynamodb:Query` on `arn:aws:dynamodb:…`. */
export interface Access {
  readonly action: string;
  readonly resource: string;
}

/** The function that a signature names, if one does: its access key is its name. */
export function principalOf(authorization: string | undefined): string | undefined {
  return /Credential=(\w+)\//.exec(authorization ?? "")?.[1];
}

/**
 * What the template's roles allow, so that a permission that is missing is missed here and not in
 * production: as by IAM, what no policy allows is denied. Only roles' own statements by exact ARN, or `*`,
 * are known; the template has no others for the services that the local stack has.
 */
export class AccessPolicies {
  /** Allowed actions on resources, by function. */
  readonly #allowed = new Map<string, ReadonlySet<string>>();
  /** Told of each access of a function, allowed or not. */
  onAccess: ((principal: string, access: Access, allowed: boolean) => void) | undefined;

  constructor(template: Template) {
    const byRole = new Map<string, Set<string>>();
    for (const { properties } of template.resources<PolicyProperties>("AWS::IAM::Policy")) {
      const accesses = properties.PolicyDocument.Statement.filter(
        ({ Effect }) => Effect === "Allow",
      ).flatMap(({ Action, Resource }) =>
        [Action].flat().flatMap((action) => [Resource].flat().map((each) => `${action} ${each}`)),
      );
      for (const role of properties.Roles) {
        byRole.set(role, new Set([...(byRole.get(role) ?? []), ...accesses]));
      }
    }
    for (const { logicalId, properties } of template.resources<{ Role: string }>(
      "AWS::Lambda::Function",
    )) {
      this.#allowed.set(logicalId, byRole.get(logicalIdOfArn(properties.Role)) ?? new Set());
    }
  }

  /** What a function may do, as `action resource`. */
  allowedTo(principal: string): ReadonlySet<string> {
    return this.#allowed.get(principal) ?? new Set();
  }

  /** IAM's words for the first access that is not allowed; the host itself may do everything. */
  denial(principal: string | undefined, accesses: readonly Access[]): string | undefined {
    const allowed = this.#allowed.get(principal ?? "");
    if (principal === undefined || !allowed) return undefined;
    const isAllowed = ({ action, resource }: Access) =>
      allowed.has(`${action} ${resource}`) || allowed.has(`${action} *`);
    for (const access of accesses) this.onAccess?.(principal, access, isAllowed(access));
    const denied = accesses.find((access) => !isAllowed(access));
    return (
      denied &&
      `User: ${principal} is not authorized to perform: ${denied.action} on resource: ${denied.resource} because no identity-based policy allows the ${denied.action} action`
    );
  }
}
