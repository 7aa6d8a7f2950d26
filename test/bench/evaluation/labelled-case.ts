import type { Random } from "../../../local/traffic/world/random.ts";
import { type Call, type DraftEvent, Timeline } from "../../../local/traffic/world/timeline.ts";
import { SECOND_MS } from "../../../shared/core/clock.ts";
import { NO_CLIENT } from "../../../shared/events/oauth-event.ts";
import type { EvaluationSeed } from "./seeds.ts";
import { createRandom, type EvaluationWorld } from "./world.ts";

/** A labelled part of the test day. */
export interface CaseLabel {
  readonly name: string;
  readonly kind: "attack" | "benign";
  /** Time of the first labelled event. */
  readonly startMs: number;
  readonly endMs: number;
  readonly events: number;
  readonly eventIds: ReadonlySet<string>;
  /** Subjects that an alert about the case may name: `client …`, `ip …`, `token …` or `user …`. */
  readonly parties: ReadonlySet<string>;
}

/** The input for the author of a case. Only events in `labelled` belong to the label. */
export interface Scene {
  readonly world: EvaluationWorld;
  readonly random: Random;
  readonly labelled: Timeline;
  /** Events around the case that do not belong to it, such as the victim's own calls. */
  readonly around: Timeline;
  /** Time at which the case starts. */
  readonly startMs: number;
}

export type CaseAuthor = (scene: Scene) => void;

/** An attack on at least this many users counts as an attack on their client. */
const MANY_USERS = 10;

/**
 * Returns the clients that an alert about a case may name. An attack on a few users is not an attack on the client, so
 * an alert about an attack may name the client only if an event has no user or if many users are affected.
 */
function getClients(drafts: readonly DraftEvent[], kind: CaseLabel["kind"]): string[] {
  const users = new Map<string, Set<string | undefined>>();
  for (const { subject } of drafts) {
    const client = subject.clientId ?? NO_CLIENT;
    users.set(client, (users.get(client) ?? new Set()).add(subject.userId));
  }
  return [...users]
    .filter(([, of]) => kind === "benign" || of.has(undefined) || of.size >= MANY_USERS)
    .map(([client]) => client);
}

/** Runs a case and labels its events. */
export function playCase(
  seed: EvaluationSeed,
  world: EvaluationWorld,
  { name, kind, startMs }: Pick<CaseLabel, "name" | "kind" | "startMs">,
  author: CaseAuthor,
): { readonly drafts: DraftEvent[]; readonly label: CaseLabel } {
  const random = createRandom(seed, kind, name);
  const labelled = new Timeline(random);
  const around = new Timeline(random);
  author({ world, random, labelled, around, startMs });
  const times = labelled.drafts.map(({ atMs }) => atMs);
  const parties = new Set<string>();
  for (const client of getClients(labelled.drafts, kind)) parties.add(`client ${client}`);
  for (const { subject, ip } of labelled.drafts) {
    parties.add(`ip ${ip}`);
    if (subject.tokenId) parties.add(`token ${subject.tokenId}`);
    if (subject.userId) parties.add(`user ${subject.userId}`);
  }
  return {
    drafts: [...labelled.drafts, ...around.drafts],
    label: {
      name,
      kind,
      startMs: Math.min(...times),
      endMs: Math.max(...times),
      events: times.length,
      eventIds: new Set(labelled.drafts.map(({ id }) => id)),
      parties,
    },
  };
}

/** Calls `act` a number of times, evenly spread over a period. */
export function spread(
  { startMs, count, overMs }: { startMs: number; count: number; overMs: number },
  act: (atMs: number, n: number) => void,
): void {
  for (let n = 0; n < count; n += 1) act(startMs + SECOND_MS + (n * overMs) / count, n);
}

/** Returns a call to one endpoint. */
export function callFrom(ip: string, userAgent: string, endpoint = "/orders"): Call {
  return { endpoint, method: "GET", ip, userAgent };
}
