import type { SetAside } from "../../shared/events/event-publisher.ts";

/** Creates the SQS queue for spooled events. It is opened on first use. */
export function unpublishedQueue(queueUrl: string): SetAside {
  let queue: SetAside | undefined;
  return {
    async keep(events) {
      // Loaded when the bus first fails, to keep cold starts short.
      const { openUnpublishedQueue } = await import("./unpublished-queue.ts");
      queue ??= openUnpublishedQueue(queueUrl);
      await queue.keep(events);
    },
  };
}
