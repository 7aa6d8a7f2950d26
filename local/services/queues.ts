import { type Message, Queue } from "./queue.ts";
import { logicalIdOfArn, type Template } from "./template.ts";

interface QueueProperties {
  readonly VisibilityTimeout?: number;
  readonly RedrivePolicy?: {
    readonly deadLetterTargetArn: string;
    readonly maxReceiveCount: number;
  };
}

/** SQS's default. */
const DEFAULT_VISIBILITY_SECONDS = 30;

/** The template's queues by name. */
export type Queues = ReadonlyMap<string, Queue>;

/**
 * Creates the template's queues.
 *
 * @param visibilitySeconds overrides the template's visibility timeouts, for tests
 */
export function createQueues(template: Template, visibilitySeconds?: number): Queues {
  const queues = new Map<string, Queue>();
  for (const { logicalId, properties } of template.resources<QueueProperties>("AWS::SQS::Queue")) {
    const policy = properties.RedrivePolicy;
    const timeout = visibilitySeconds ?? properties.VisibilityTimeout ?? DEFAULT_VISIBILITY_SECONDS;
    queues.set(
      logicalId,
      new Queue({
        name: logicalId,
        visibilityTimeoutMs: timeout * 1000,
        redrive: policy && {
          target: () => queueNamed(queues, logicalIdOfArn(policy.deadLetterTargetArn)),
          maxReceiveCount: policy.maxReceiveCount,
        },
      }),
    );
  }
  return queues;
}

/**
 * Returns the queue with the given name.
 *
 * @throws Error when there is no such queue
 */
export function queueNamed(queues: Queues, name: string): Queue {
  const queue = queues.get(name);
  if (!queue) throw new Error(`the queue ${name} does not exist`);
  return queue;
}

/** Returns the messages of all queues, to keep them between runs. */
export function dumpQueues(queues: Queues): Record<string, Pick<Message, "body" | "attributes">[]> {
  return Object.fromEntries(
    [...queues].map(([name, queue]) => [
      name,
      queue.messages.map(({ body, attributes }) => ({ body, attributes })),
    ]),
  );
}
