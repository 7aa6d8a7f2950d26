import { logicalIdOfArn } from "./template.ts";

/** A target of a rule: a queue or a delivery stream. `send` throws when the target rejects the event. */
export interface Receiver {
  send(message: string, attributes?: Readonly<Record<string, TextAttribute>>): unknown;
}

interface TextAttribute {
  readonly DataType: string;
  readonly StringValue: string;
}

/** A target's properties in the template. */
export interface TargetProperties {
  readonly Arn: string;
  readonly RoleArn?: string;
  readonly RetryPolicy?: {
    readonly MaximumEventAgeInSeconds?: number;
    readonly MaximumRetryAttempts?: number;
  };
  readonly DeadLetterConfig?: { readonly Arn: string };
}

/** CloudWatch metrics of a rule. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html */
export interface RuleCounts {
  /** Events that could not be delivered after all retries. */
  FailedInvocations: number;
  InvocationsSentToDlq: number;
  InvocationsFailedToBeSentToDlq: number;
  RetryInvocationAttempts: number;
}

export const noCounts = (): RuleCounts => ({
  FailedInvocations: 0,
  InvocationsSentToDlq: 0,
  InvocationsFailedToBeSentToDlq: 0,
  RetryInvocationAttempts: 0,
});

/** Returns why EventBridge may not send a rule's events to a target, or undefined if it may. */
export type DeliveryRejection = (
  ruleArn: string,
  targetArn: string,
  roleArn?: string,
) => string | undefined;

/** EventBridge's default retry policy. */
const DEFAULT_AGE_SECONDS = 86_400;
const DEFAULT_ATTEMPTS = 185;

/** Backoff delays. AWS does not publish its own; with these, 185 retries take slightly less than a day. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 480_000;

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly retries: number;
  readonly exhausted?: "MaximumRetryAttempts" | "MaximumEventAgeInSeconds";
}

/**
 * A target of a rule. Failed deliveries are retried with exponential backoff within the limits of the retry policy.
 * After that, or immediately if EventBridge has no permission, the event goes to the target's dead-letter queue.
 * Without a queue, the event is lost.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
 */
export class RuleTarget {
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly ruleArn: string,
    private readonly properties: TargetProperties,
    private readonly receivers: (logicalId: string) => Receiver,
    private readonly counts: RuleCounts,
    private readonly rejection: DeliveryRejection,
  ) {}

  /** Number of events that wait for a retry. */
  get waiting(): number {
    return this.#timers.size;
  }

  deliver(message: string): void {
    this.#try(message, Date.now(), 0);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #try(message: string, sinceMs: number, retries: number): void {
    const { Arn, RoleArn, RetryPolicy = {} } = this.properties;
    const denied = this.rejection(this.ruleArn, Arn, RoleArn);
    if (denied !== undefined) {
      this.#giveUp(message, { code: "NO_PERMISSIONS", message: denied, retries });
      return;
    }
    try {
      this.receivers(logicalIdOfArn(Arn)).send(message);
    } catch (error) {
      const { MaximumRetryAttempts = DEFAULT_ATTEMPTS } = RetryPolicy;
      const { MaximumEventAgeInSeconds = DEFAULT_AGE_SECONDS } = RetryPolicy;
      const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** retries);
      const failure = { code: "ERROR_FROM_TARGET", message: String(error), retries };
      if (retries >= MaximumRetryAttempts) {
        this.#giveUp(message, { ...failure, exhausted: "MaximumRetryAttempts" });
      } else if (Date.now() + waitMs > sinceMs + MaximumEventAgeInSeconds * 1000) {
        this.#giveUp(message, { ...failure, exhausted: "MaximumEventAgeInSeconds" });
      } else {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          this.counts.RetryInvocationAttempts += 1;
          this.#try(message, sinceMs, retries + 1);
        }, waitMs);
        this.#timers.add(timer.unref());
      }
    }
  }

  #giveUp(message: string, { code, message: reason, retries, exhausted }: Failure): void {
    this.counts.FailedInvocations += 1;
    const queueArn = this.properties.DeadLetterConfig?.Arn;
    if (queueArn === undefined) return;
    const text = (StringValue: string) => ({ DataType: "String", StringValue });
    try {
      if (this.rejection(this.ruleArn, queueArn) !== undefined) throw new Error("not permitted");
      this.receivers(logicalIdOfArn(queueArn)).send(message, {
        ERROR_CODE: text(code),
        ERROR_MESSAGE: text(reason),
        RULE_ARN: text(this.ruleArn),
        TARGET_ARN: text(this.properties.Arn),
        ...(exhausted && {
          EXHAUSTED_RETRY_CONDITION: text(exhausted),
          RETRY_ATTEMPTS: { DataType: "Number", StringValue: String(retries) },
        }),
      });
      this.counts.InvocationsSentToDlq += 1;
    } catch {
      this.counts.InvocationsFailedToBeSentToDlq += 1;
    }
  }
}
