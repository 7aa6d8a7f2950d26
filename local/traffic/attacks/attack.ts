import type { ClientKind, TrafficClient } from "../world/population.ts";
import type { Random } from "../world/random.ts";
import type { Timeline } from "../world/timeline.ts";

/** The attacks that are planted, each once in a labelled day. */
export const ATTACKS = [
  "credential_stuffing",
  "distributed_stuffing",
  "token_theft",
  "scope_probing",
  "runaway_issuer",
  "low_and_slow",
  "revoked_token_use",
  "credential_reuse",
  "dormant_token",
  "new_network",
] as const;

export type AttackName = (typeof ATTACKS)[number];

/** Whom an attack shows up at. */
export interface AttackSubject {
  readonly kind: "client" | "ip" | "token";
  readonly id: string;
}

/** What was planted, and when: what a detector should find. */
export interface AttackLabel {
  readonly id: string;
  readonly attack: AttackName;
  readonly subject: AttackSubject;
  /** The first of the attack's own events. */
  readonly startMs: number;
  /** The last of them. */
  readonly endMs: number;
  readonly description: string;
}

/** What an attack is planned with. */
export interface AttackScene {
  readonly random: Random;
  /** Takes the attack's events. */
  readonly timeline: Timeline;
  /** When it begins. */
  readonly startMs: number;
  /** Clients that have been there all along, the busiest first. */
  readonly clients: readonly TrafficClient[];
  /** The same for all attacks of a day, so that those that must not meet can choose by it. */
  readonly draw: number;
  /** Tokens that a client is usually issued in an hour. */
  readonly issuedPerHour: (clientId: string) => number;
}

/** Plants an attack's events; answers what there is to find. */
export type Attack = (scene: AttackScene) => Omit<AttackLabel, "id" | "attack">;

export function clientsOf(scene: AttackScene, kind: ClientKind): TrafficClient[] {
  return scene.clients.filter((client) => client.kind === kind);
}

/**
 * One of the two busiest services. Two attacks of a day that ask with different turns get different
 * ones, as long as there are two.
 */
export function busyService(scene: AttackScene, turn: number): TrafficClient {
  const services = clientsOf(scene, "service").slice(0, 2);
  return services[(scene.draw + turn) % services.length] as TrafficClient;
}

/** A busy client that people use, and one of its old users. */
export function busyUser(scene: AttackScene) {
  const client = scene.random.pick(clientsOf(scene, "consumer").slice(0, 3));
  const users = client.users.filter(({ joinsMs }) => joinsMs === Number.NEGATIVE_INFINITY);
  return { client, user: scene.random.pick(users) };
}
