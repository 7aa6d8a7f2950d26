import { decide, type RequestContext, type Statement } from "./policy-statements.ts";
import { logicalIdOfArn, type Template } from "./template.ts";

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
