import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { World } from "../integration/world.ts";
import type { CleanupDone, CleanupJob, CleanupProcessStore } from "./cleanup-process.ts";

/** A process that deletes a world's tokens, one job after another. */
export interface CleanupProcess {
  /** @throws Error when the process ends before the job */
  run(job: CleanupJob): Promise<CleanupDone>;
  close(): Promise<void>;
}

/** Starts the process. Resolves when it is ready. */
export async function startCleanupProcess({
  endpoint,
  context,
  time,
}: World): Promise<CleanupProcess> {
  const { db: _, clock: _clock, logger: _logger, sink: _sink, ...store } = context;
  const child = fork(fileURLToPath(new URL("./cleanup-process.ts", import.meta.url)));
  const exited = once(child, "exit");
  const answer = async () => {
    const [message] = await Promise.race([
      once(child, "message"),
      exited.then(() => Promise.reject(new Error("the deleting process ended before its work"))),
    ]);
    return message;
  };
  child.send({ endpoint, nowMs: time.nowMs, store } satisfies CleanupProcessStore);
  await answer();
  return {
    async run(job) {
      const done = answer();
      child.send(job);
      return (await done) as CleanupDone;
    },
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
