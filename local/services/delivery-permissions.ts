import { encryptedResources } from "./encrypted-resources.ts";
import { KeyPolicies, RolePolicies } from "./key-policies.ts";
import { archiveUses, deliveryUse } from "./key-uses.ts";
import { decide, type Statement } from "./policy-statements.ts";
import { ACCOUNT, getArn, logicalIdOfArn, type Template } from "./template.ts";

interface QueuePolicyProperties {
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  /** Queue URLs. */
  readonly Queues: readonly string[];
}

const EVENTS = { service: "events.amazonaws.com" };

/**
 * EventBridge's permissions to send a rule's events and to encrypt an archive. For a queue, the policies of the queue
 * and its key decide; for a stream, the target's role.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
 */
export class DeliveryPermissions {
  readonly #getKey: ReadonlyMap<string, string>;
  readonly #keys: KeyPolicies;
  readonly #roles: RolePolicies;
  readonly #ofQueues = new Map<string, readonly Statement[]>();

  constructor(private readonly template: Template) {
    this.#getKey = encryptedResources(template);
    this.#keys = new KeyPolicies(template);
    this.#roles = new RolePolicies(template);
    for (const { properties } of template.resources<QueuePolicyProperties>(
      "AWS::SQS::QueuePolicy",
    )) {
      for (const url of properties.Queues) {
        this.#ofQueues.set(getArn("sqs", logicalIdOfArn(url)), properties.PolicyDocument.Statement);
      }
    }
  }

  /** Returns why EventBridge may not send a rule's events to a target, or undefined if it may. */
  rejection(ruleArn: string, targetArn: string, roleArn?: string): string | undefined {
    if (targetArn.includes(":firehose:")) {
      const isAllowed =
        roleArn !== undefined && this.#roles.allows(roleArn, "firehose:PutRecord", targetArn);
      return isAllowed ? undefined : `the role ${roleArn} may not send records to ${targetArn}`;
    }
    const decision = decide(this.#ofQueues.get(targetArn) ?? [], {
      principal: EVENTS,
      action: "sqs:SendMessage",
      resource: targetArn,
      context: {
        "aws:SourceArn": ruleArn,
        "aws:SourceAccount": ACCOUNT,
        "aws:SecureTransport": "true",
      },
    });
    if (decision !== "allowed")
      return `the policy of ${targetArn} does not allow ${ruleArn} to send`;
    const keyArn = this.#getKey.get(targetArn);
    return keyArn && this.#keys.rejection(deliveryUse(keyArn, ruleArn, targetArn));
  }

  /** Returns why EventBridge may not encrypt an archive, or undefined if it may. */
  archiveRejection(archiveArn: string): string | undefined {
    const uses = archiveUses(this.template, this.#getKey);
    return uses
      .filter(({ purpose }) => purpose.endsWith(` ${logicalIdOfArn(archiveArn)}`))
      .map((use) => this.#keys.rejection(use))
      .find((rejection) => rejection !== undefined);
  }
}
