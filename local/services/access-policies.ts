import { encryptedResources, getEncryptedArn, getKeyActions } from "./encrypted-resources.ts";
import { KeyPolicies, type KeyUse } from "./key-policies.ts";
import { accessUse } from "./key-uses.ts";
import { ACCOUNT, logicalIdOfArn, type Template } from "./template.ts";

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

interface PolicyProperties {
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  readonly Roles: readonly string[];
}

/** An IAM action and resource that a call needs, such as `dynamodb:Query` on `arn:aws:dynamodb:…`. */
export interface Access {
  readonly action: string;
  readonly resource: string;
}

/** Returns the function that signed a request, if any. A function's access key ID is its name. */
export function parsePrincipal(authorization: string | undefined): string | undefined {
  return /Credential=(\w+)\//.exec(authorization ?? "")?.[1];
}

/**
 * Evaluates the policies of the template's roles, so that a missing permission fails locally and not in production. As
 * in IAM, anything that no policy allows is denied. Only role statements with an exact ARN or `*` are supported,
 * because the template contains no others for the services that the local stack runs. Access to an encrypted resource
 * also requires permissions on its KMS key.
 */
export class AccessPolicies {
  /** Allowed `action resource` pairs by function. */
  readonly #allowed = new Map<string, ReadonlySet<string>>();
  readonly #roles = new Map<string, string>();
  /** Customer managed key ARNs, by ARN of the resource that the key encrypts. */
  readonly #getKey: ReadonlyMap<string, string>;
  readonly #keys: KeyPolicies;
  /** Called for each access by a function, allowed or denied. */
  onAccess: ((principal: string, access: Access, allowed: boolean) => void) | undefined;

  constructor(template: Template) {
    this.#getKey = encryptedResources(template);
    this.#keys = new KeyPolicies(template);
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
      this.#roles.set(logicalId, properties.Role);
    }
  }

  /** Returns a function's permissions, each as `action resource`. */
  allowedTo(principal: string): ReadonlySet<string> {
    return this.#allowed.get(principal) ?? new Set();
  }

  /** Returns IAM's message for the first denied access. Calls that weren't signed by a function are always allowed. */
  denial(principal: string | undefined, accesses: readonly Access[]): string | undefined {
    const allowed = this.#allowed.get(principal ?? "");
    if (principal === undefined || !allowed) return undefined;
    const isAllowed = ({ action, resource }: Access) =>
      allowed.has(`${action} ${resource}`) || allowed.has(`${action} *`);
    for (const access of accesses) this.onAccess?.(principal, access, isAllowed(access));
    const denied = accesses.find((access) => !isAllowed(access));
    if (!denied) return this.#keyDenial(principal, accesses);
    return `User: ${principal} is not authorized to perform: ${denied.action} on resource: ${denied.resource} because no identity-based policy allows the ${denied.action} action`;
  }

  /** Returns KMS's message for the first denied use of a key. */
  #keyDenial(principal: string, accesses: readonly Access[]): string | undefined {
    const uses = accesses.flatMap((access) => this.#keyUse(principal, access) ?? []);
    const denied = uses
      .map((use) => ({ use, rejection: this.#keys.rejection(use) }))
      .find(({ rejection }) => rejection !== undefined);
    if (denied) {
      const { actions, keyArn } = denied.use;
      this.onAccess?.(principal, { action: actions.join(), resource: keyArn }, false);
    }
    return denied?.rejection;
  }

  #keyUse(principal: string, { action, resource }: Access): KeyUse | undefined {
    const role = this.#roles.get(principal) ?? "";
    if (action.startsWith("kms:")) {
      const purpose = `${action} by ${principal}`;
      const context = { "kms:CallerAccount": ACCOUNT };
      return { purpose, keyArn: resource, principal: { arn: role }, actions: [action], context };
    }
    const keyArn = this.#getKey.get(getEncryptedArn(resource));
    if (keyArn === undefined || getKeyActions(action).length === 0) return undefined;
    return accessUse(keyArn, role, action, resource);
  }
}
