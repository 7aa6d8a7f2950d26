import { type Authorizer, decideCall } from "../../functions/authorizer/decide-call.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { SECOND_MS, toInstant } from "../../shared/core/clock.ts";
import { createEventPublisher, SHORT_PUT_MS } from "../../shared/events/event-publisher.ts";
import { VirtualTime } from "../contention/virtual-time.ts";
import { recordingLogger } from "../integration/world.ts";

const START_MS = Date.parse("2026-11-23T10:00:00.000Z");

/** Latencies when the services are healthy. */
const STORE_MS = 5;
const PUT_MS = 20;
const SEND_MS = 20;
/** Two attempts of the queue's client. */
const QUEUE_TIMEOUT_MS = 2 * SECOND_MS;

const CONFIG = parseMonitoringConfig({});

const EVENT = {
  httpMethod: "GET",
  path: "/api/data",
  methodArn: "arn:aws:execute-api:eu-central-1:111122223333:abc/prod/GET/api/data",
  headers: { Authorization: "Bearer secret-of-the-token" },
  requestContext: { requestId: "r-1", identity: { sourceIp: "203.0.113.9" } },
};

const TOKEN = {
  token_digest: "d",
  token_id: "t1",
  oauth_client_id: "app",
  user_id: "ada",
  scopes: ["api:read"],
  issued_at: toInstant(START_MS),
  expires_at: toInstant(START_MS + 3600 * SECOND_MS),
  listed: true,
};

/** An outage scenario. `busHangsFor` and `queueHangsFor` are how many seconds the service hangs from the start. */
export interface Outage {
  readonly environments: number;
  readonly seconds: number;
  readonly busHangsFor?: number;
  readonly queueHangsFor?: number;
}

export interface OutageResult {
  /** Returns the number of calls that were answered and tracked in the first seconds. */
  readonly callsWithin: (seconds: number) => number;
  /** IDs of the events that reached each destination. */
  readonly onBus: ReadonlySet<string>;
  readonly queued: ReadonlySet<string>;
  readonly logged: ReadonlySet<string>;
  /** PutEvents calls that hung. */
  readonly hungCalls: number;
  /** Length of the longest log line, in characters. */
  readonly longestLine: number;
}

/**
 * Simulates execution environments of the authorizer in virtual time, with its real decision and publisher. An
 * environment takes the next call once the work after the response is done, as in Lambda with an extension.
 */
export async function simulateBus(outage: Outage): Promise<OutageResult> {
  const { environments, seconds, busHangsFor = 0, queueHangsFor = 0 } = outage;
  const time = new VirtualTime(START_MS);
  const hangs = (forSeconds: number) => time.clock() < START_MS + forSeconds * SECOND_MS;
  const onBus = new Set<string>();
  const queued = new Set<string>();
  const logger = recordingLogger();
  const callsMs: number[] = [];
  let hungCalls = 0;

  const timedOut = () => Object.assign(new Error("it does not answer"), { name: "TimeoutError" });
  const eventBridge = {
    async send({ input }: { input: { Entries: { Detail: string }[] } }) {
      if (hangs(busHangsFor)) {
        hungCalls += 1;
        await time.wait(SHORT_PUT_MS);
        throw timedOut();
      }
      await time.wait(PUT_MS);
      for (const { Detail } of input.Entries) onBus.add(JSON.parse(Detail).id);
      return { Entries: input.Entries.map(() => ({ EventId: "e" })) };
    },
  };
  const keep = async (events: readonly { readonly id: string }[]) => {
    if (hangs(queueHangsFor)) {
      await time.wait(QUEUE_TIMEOUT_MS);
      throw timedOut();
    }
    await time.wait(SEND_MS);
    for (const { id } of events) queued.add(id);
  };
  const db = {
    async send() {
      await time.wait(STORE_MS);
      return { Attributes: TOKEN };
    },
  };
  const denyList = {
    async current() {
      return {
        findAddressBlock: () => undefined,
        findBlock: () => undefined,
        findRevocation: () => undefined,
      };
    },
  };

  async function environment(): Promise<void> {
    const works: (() => Promise<void>)[] = [];
    const authorizer = {
      db,
      ...{ tokensTable: "tokens", sessionsTable: "sessions", credentialsTable: "credentials" },
      config: CONFIG,
      clock: time.clock,
      denyList,
      logger,
      sink: createEventPublisher({
        eventBridge: eventBridge as never,
        eventBusName: "bus",
        spool: { keep },
        logger,
        clock: time.clock,
        wait: time.wait,
      }),
      metrics: { count() {}, milliseconds() {}, publish() {}, publishSoon() {} },
      afterResponse: {
        run: async (work: () => Promise<void>) => void works.push(work),
      },
      isSampled: () => false,
    } as unknown as Authorizer;
    for (;;) {
      await decideCall(authorizer, EVENT);
      for (const work of works.splice(0)) await work();
      callsMs.push(time.clock() - START_MS);
    }
  }

  for (let n = 0; n < environments; n += 1) {
    // Environments start at different times.
    void time.wait(n).then(environment);
  }
  await time.runUntil(START_MS + seconds * SECOND_MS);
  const recoverable = logger.lines.filter(({ message }) => message.startsWith("Events could be"));
  const logged = recoverable.flatMap(({ extra }) =>
    (extra[0] as { readonly events: readonly { readonly id: string }[] }).events.map(
      ({ id }) => id,
    ),
  );
  return {
    callsWithin: (within) => callsMs.filter((ms) => ms <= within * SECOND_MS).length,
    onBus,
    queued,
    logged: new Set(logged),
    hungCalls,
    longestLine: recoverable.reduce((most, line) => Math.max(most, JSON.stringify(line).length), 0),
  };
}
