import {
  decide,
  type PolicyRequest,
  type Principal,
  type RequestContext,
  type Statement,
} from "./policy-statements.ts";
import { ACCOUNT, logicalIdOfArn, type Template } from "./template.ts";

interface PolicyProperties {
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  readonly Roles: readonly string[];
}

/** The identity-based policies of the template's roles. */
export class RolePolicies {
  readonly #byRole = new Map<string, Statement[]>();

  constructor(template: Template) {
    for (const { properties } of template.resources<PolicyProperties>("AWS::IAM::Policy")) {
      for (const role of properties.Roles) {
        const before = this.#byRole.get(role) ?? [];
        this.#byRole.set(role, [...before, ...properties.PolicyDocument.Statement]);
      }
    }
  }

  allows(roleArn: string, action: string, resource: string, context: RequestContext = {}): boolean {
    const statements = this.#byRole.get(logicalIdOfArn(roleArn)) ?? [];
    return decide(statements, { action, resource, context }) === "allowed";
  }
}

interface KeyProperties {
  readonly KeyPolicy: { readonly Statement: readonly Statement[] };
}

/** One use of a KMS key by a service or a role. */
export interface KeyUse {
  /** Purpose of the use, for error messages. */
  readonly purpose: string;
  readonly keyArn: string;
  readonly principal: Principal;
  readonly actions: readonly string[];
  readonly context: PolicyRequest["context"];
}

const ROOT: Principal = { arn: `arn:aws:iam::${ACCOUNT}:root` };

/**
 * Decides whether a service or a role may use a KMS key of the template. The key's policy decides. If that policy
 * delegates to IAM, as the usual statement for the account root does, the role's policies also count.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
export class KeyPolicies {
  readonly #ofKeys: ReadonlyMap<string, readonly Statement[]>;
  readonly #ofRoles: RolePolicies;

  /** @param imported policies of keys that the template does not create, by key ARN */
  constructor(template: Template, imported: ReadonlyMap<string, readonly Statement[]> = new Map()) {
    this.#ofKeys = new Map([
      ...imported,
      ...template
        .resources<KeyProperties>("AWS::KMS::Key")
        .map(
          ({ logicalId, properties }) =>
            [template.arn(logicalId), properties.KeyPolicy.Statement] as const,
        ),
    ]);
    this.#ofRoles = new RolePolicies(template);
  }

  /** Returns KMS's error message if it denies a use, or undefined if it allows it. */
  rejection({ purpose, keyArn, principal, actions, context }: KeyUse): string | undefined {
    const denied = actions.find((action) => {
      const request = { principal, action, resource: keyArn, context };
      return !this.#allows(keyArn, request);
    });
    const caller = "service" in principal ? principal.service : principal.arn;
    return (
      denied &&
      `${purpose}: ${caller} is not authorized to perform: ${denied} on resource: ${keyArn} because no key policy or identity-based policy allows the ${denied} action`
    );
  }

  #allows(keyArn: string, request: PolicyRequest & { readonly principal: Principal }): boolean {
    const ofKey = this.#ofKeys.get(keyArn) ?? [];
    const decision = decide(ofKey, request);
    if (decision !== undefined) return decision === "allowed";
    if ("service" in request.principal) return false;
    const { action, context } = request;
    return (
      decide(ofKey, { ...request, principal: ROOT }) === "allowed" &&
      this.#ofRoles.allows(request.principal.arn, action, keyArn, context)
    );
  }
}
