import type { SetAside } from "../../shared/events/event-publisher.ts";

/** The SQS queue for events that are set aside, opened when it is first needed. */
export function unpublishedQueue(queueUrl: string): SetAside {
  let queue: SetAside | undefined;
  return {
    async keep(events) {
      // Loaded when the bus first fails: a cold start does not pay for it.
      const { openUnpublishedQueue } = await import("./unpublished-queue.ts");
      queue ??= openUnpublishedQueue(queueUrl);
      await queue.keep(events);
    },
  };
}
