import { setTimeout as sleep } from "node:timers/promises";
import type { EventSink } from "../../shared/events/event-sink.ts";
import { type ClientStore, registerClient } from "../../shared/tokens/oauth-client.ts";
import type { Traffic } from "./generate-traffic.ts";
import type { LocalFront } from "./local-front.ts";

export interface TrafficTarget extends ClientStore {
  readonly sink: EventSink;
  readonly front: LocalFront;
}

/** Number of events to publish at the same time: twenty PutEvents calls. */
const CHUNK = 200;
/** Publishing pauses while more messages than this are queued. */
const MAX_WAITING = 4000;
const LOOK_EVERY_MS = 250;
/**
 * Number of consecutive checks that must find all queues empty. One check is not enough, because it misses a message
 * that is moving between two queues.
 */
const QUIET_LOOKS = 4;

/**
 * Registers the clients and publishes the events to the stack's bus as fast as the subscriber can store them. Resolves
 * when all events are stored.
 *
 * @throws Error when events could not be published or stored
 */
export async function publishTraffic(
  { sink, front, ...clients }: TrafficTarget,
  traffic: Pick<Traffic, "clients" | "events">,
  writeLine: (line: string) => void,
): Promise<void> {
  const deadBefore = await front.deadLetters();
  const [first] = traffic.events;
  const startMs = Date.parse(first?.occurred_at ?? "1970-01-01T00:00:00.000Z");
  for (const { clientId, name, firstMs } of traffic.clients) {
    const clock = () => Math.max(firstMs, startMs);
    await registerClient({ ...clients, clock }, { clientId, name });
  }

  const total = traffic.events.length;
  for (let published = 0; published < total; published += CHUNK) {
    let waiting = await front.waiting();
    while (waiting > MAX_WAITING) {
      writeLine(`published ${published} of ${total} events; ${waiting} are waiting to be stored`);
      await sleep(LOOK_EVERY_MS);
      waiting = await front.waiting();
    }
    writeLine(`published ${published} of ${total} events; ${waiting} are waiting to be stored`);
    await sink.publish(traffic.events.slice(published, published + CHUNK));
  }
  for (let quiet = 0; quiet < QUIET_LOOKS; await sleep(LOOK_EVERY_MS)) {
    const waiting = await front.waiting();
    writeLine(`published all ${total} events; ${waiting} are waiting to be stored`);
    quiet = waiting === 0 ? quiet + 1 : 0;
  }
  const dead = (await front.deadLetters()) - deadBefore;
  if (dead > 0) {
    throw new Error(
      `${dead} events could not be stored. List them with npx oauth-monitoring dead-letters list`,
    );
  }
}
