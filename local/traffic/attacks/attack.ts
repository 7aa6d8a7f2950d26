import type { ClientKind, TrafficClient } from "../world/population.ts";
import type { Random } from "../world/random.ts";
import type { Timeline } from "../world/timeline.ts";

/** The attacks. A labelled day contains each attack once. */
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

/** The client, user, IP address or token that reveals an attack. */
export interface AttackSubject {
  readonly kind: "client" | "user" | "ip" | "token";
  readonly id: string;
}

/** A planted attack that a detector should find. */
export interface AttackLabel {
  readonly id: string;
  readonly attack: AttackName;
  readonly subject: AttackSubject;
  /** Time of the attack's first event. */
  readonly startMs: number;
  /** Time of the attack's last event. */
  readonly endMs: number;
  readonly description: string;
}

/** The input of an attack. */
interface AttackScene {
  readonly random: Random;
  /** Collects the attack's events. */
  readonly timeline: Timeline;
  /** Start of the attack. */
  readonly startMs: number;
  /** Clients that already exist when the traffic starts, busiest first. */
  readonly clients: readonly TrafficClient[];
  /** A random number that all attacks on a day share, so that each can choose a different client. */
  readonly draw: number;
  /** Returns the number of tokens usually issued to a client per hour. */
  readonly issuedPerHour: (clientId: string) => number;
}

/** Plants an attack's events and returns what a detector should find. */
export type Attack = (scene: AttackScene) => Omit<AttackLabel, "id" | "attack">;

export function findClients(scene: AttackScene, kind: ClientKind): TrafficClient[] {
  return scene.clients.filter((client) => client.kind === kind);
}

/**
 * Returns one of the two busiest services. On the same day, turns 0 and 1 return different services, if there are two.
 */
export function busyService(scene: AttackScene, turn: number): TrafficClient {
  const services = findClients(scene, "service").slice(0, 2);
  return services[(scene.draw + turn) % services.length] as TrafficClient;
}

/** Returns a busy consumer app and one of its long-time users. */
export function busyUser(scene: AttackScene) {
  const client = scene.random.pick(findClients(scene, "consumer").slice(0, 3));
  const users = client.users.filter(({ joinsMs }) => joinsMs === Number.NEGATIVE_INFINITY);
  return { client, user: scene.random.pick(users) };
}

/** Returns evenly spaced times, including the start and the end. */
export const evenly = (startMs: number, endMs: number, count: number): number[] =>
  Array.from({ length: count }, (_, n) => startMs + (n / (count - 1)) * (endMs - startMs));
