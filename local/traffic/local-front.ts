import * as z from "zod";

const queuesSchema = z.object({
  queues: z.array(z.object({ name: z.string(), visible: z.number(), in_flight: z.number() })),
});
const schedulesSchema = z.object({ schedules: z.array(z.object({ name: z.string() })) });

/** Client for the routes that exist only in a local stack. */
export interface LocalFront {
  /** Returns the number of messages waiting in queues that have a consumer. */
  waiting(): Promise<number>;
  /** Returns the number of messages that could not be stored. */
  deadLetters(): Promise<number>;
  schedules(): Promise<string[]>;
  /** Runs a schedule now. Resolves when the run is done. */
  runSchedule(name: string, input: object): Promise<void>;
}

/** Whether a queue has no consumer. */
const isDeadLetterQueue = (name: string) => /DeadLetters|Unpublishable/.test(name);

/**
 * Creates a client for the routes of the local stack at a URL. If no stack responds, calls reject with an error that
 * says how to start one.
 */
export function openLocalFront(url: string): LocalFront {
  async function call(path: string, init: RequestInit = {}): Promise<unknown> {
    const response = await fetch(`${url}${path}`, init).catch((error: unknown) => {
      const reason = `no local stack is running at ${url}. Start it with npm start`;
      throw new Error(reason, { cause: error });
    });
    const body: unknown = await response.json();
    if (!response.ok)
      throw new Error(`${path} returned ${response.status}: ${JSON.stringify(body)}`);
    return body;
  }
  async function count(which: (name: string) => boolean): Promise<number> {
    const { queues } = queuesSchema.parse(await call("/_local/queues"));
    return queues
      .filter(({ name }) => which(name))
      .reduce((sum, { visible, in_flight }) => sum + visible + in_flight, 0);
  }
  return {
    waiting: () => count((name) => !isDeadLetterQueue(name)),
    deadLetters: () => count(isDeadLetterQueue),
    async schedules() {
      const { schedules } = schedulesSchema.parse(await call("/_local/schedules"));
      return schedules.map(({ name }) => name);
    },
    async runSchedule(name, input) {
      await call(`/_local/schedules/${name}/run`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(input),
      });
    },
  };
}
