import { decide, type PolicyRequest, type Principal, type Statement } from "./policy-statements.ts";
import { ACCOUNT, logicalIdOfArn, type Template } from "./template.ts";

interface Policy {
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  readonly Roles: readonly string[];
}

interface KeyProperties {
  readonly KeyPolicy: { readonly Statement: readonly Statement[] };
}

/** One use of a KMS key by a service or a role. */
export interface KeyUse {
  /** What it is for, for a person. */
  readonly purpose: string;
  readonly keyArn: string;
  readonly principal: Principal;
  readonly actions: readonly string[];
  readonly context: PolicyRequest["context"];
}

const ROOT: Principal = { arn: `arn:aws:iam::${ACCOUNT}:root` };

/**
 * Decides whether KMS lets a service or a role use a key of the template: by the key's policy, and by the role's
 * own policies where the key's policy leaves it to IAM, as the usual statement for the account's root does.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
export class KeyPolicies {
  readonly #ofKeys: ReadonlyMap<string, readonly Statement[]>;
  readonly #ofRoles = new Map<string, Statement[]>();

  /** @param imported the policies of keys that the template does not make, by ARN */
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
    for (const { properties } of template.resources<Policy>("AWS::IAM::Policy")) {
      for (const role of properties.Roles) {
        const before = this.#ofRoles.get(role) ?? [];
        this.#ofRoles.set(role, [...before, ...properties.PolicyDocument.Statement]);
      }
    }
  }

  /** The message with which KMS refuses a use; undefined if it allows it. */
  refusal({ purpose, keyArn, principal, actions, context }: KeyUse): string | undefined {
    const denied = actions.find((action) => {
      const request = { principal, action, resource: keyArn, context };
      return !this.#allows(keyArn, request);
    });
    const who = "service" in principal ? principal.service : principal.arn;
    return (
      denied &&
      `${purpose}: ${who} is not authorized to perform: ${denied} on resource: ${keyArn} because no key policy or identity-based policy allows the ${denied} action`
    );
  }

  #allows(keyArn: string, request: PolicyRequest & { readonly principal: Principal }): boolean {
    const ofKey = this.#ofKeys.get(keyArn) ?? [];
    const said = decide(ofKey, request);
    if (said !== undefined) return said === "allowed";
    if ("service" in request.principal) return false;
    const ofRole = this.#ofRoles.get(logicalIdOfArn(request.principal.arn)) ?? [];
    return (
      decide(ofKey, { ...request, principal: ROOT }) === "allowed" &&
      decide(ofRole, { ...request, principal: undefined }) === "allowed"
    );
  }
}
