import { setTimeout as sleep } from "node:timers/promises";
import type { LocalStack } from "../local/start/local-stack.ts";

/**
 * Waits until the stack's functions are idle and all queues except dead-letter queues are empty, and both stay that
 * way.
 */
export async function settled({
  functions,
  queues,
  eventBus,
}: Pick<LocalStack, "functions" | "queues" | "eventBus">): Promise<void> {
  for (let quietRounds = 0; quietRounds < 3; await sleep(100)) {
    const waiting = [...queues].filter(
      ([name, queue]) => !name.includes("DeadLetters") && queue.visible + queue.inFlight > 0,
    );
    quietRounds = functions.isIdle && waiting.length + eventBus.waiting === 0 ? quietRounds + 1 : 0;
  }
}
