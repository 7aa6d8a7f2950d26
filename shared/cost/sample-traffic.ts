import { createHash } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { SECOND_MS, toInstant } from "../core/clock.ts";
import { createEvent, type OAuthEvent } from "../events/oauth-event.ts";
import { scopeCheck } from "../events/track-event.ts";
import type { UsageProfile } from "./usage-profile.ts";

/** A source of pseudo-random numbers that are the same in every run. */
class Draws {
  #bytes: Buffer = Buffer.alloc(0);
  #next = 0;
  #block = 0;

  /** Returns a number in [0, 1). */
  fraction(): number {
    if (this.#next + 4 > this.#bytes.length) {
      this.#bytes = createHash("sha256").update(`cost/${this.#block}`).digest();
      this.#block += 1;
      this.#next = 0;
    }
    this.#next += 4;
    return this.#bytes.readUInt32BE(this.#next - 4) / 2 ** 32;
  }

  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  uuid(atMs: number): string {
    return uuidv7({ msecs: atMs, random: Uint8Array.from({ length: 16 }, () => this.below(256)) });
  }
}

/** Start of the sample. It is mid-hour, so that counters are neither new nor full. */
const START_MS = Date.parse("2026-11-23T10:20:00.000Z");

const ENDPOINTS = ["/api/orders", "/api/products/42", "/api/profile", "/api/customers/7/invoices"];
const AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0";

const ipOf = (n: number) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;

/** Picks a client. The n-th client makes 1/n as many calls as the first client. */
function pickClient(draws: Draws, clients: number): number {
  return Math.min(clients - 1, Math.floor(clients ** draws.fraction()) - 1);
}

/** State while generating the sample traffic. */
interface Sample {
  readonly profile: UsageProfile;
  readonly draws: Draws;
  /** Token ids. There are as many as the profile's uses per token require. */
  readonly tokens: readonly string[];
  readonly used: Set<number>;
}

/**
 * Returns events for calls at the profile's rate, in the form that the authorizer creates.
 *
 * @param counts number of calls in each consecutive period; every period has its own tokens
 */
export function sampleCalls(profile: UsageProfile, counts: readonly number[]): OAuthEvent[][] {
  const draws = new Draws();
  let atMs = START_MS;
  return counts.map((count) => {
    const tokens = Array.from({ length: Math.ceil(count / profile.callsPerToken) }, () =>
      draws.uuid(START_MS),
    );
    const sample: Sample = { profile, draws, tokens, used: new Set() };
    return Array.from({ length: count }, () => {
      atMs += (-Math.log(1 - draws.fraction()) * SECOND_MS) / profile.callsPerSecond;
      return sampleCall(sample, Math.floor(atMs));
    });
  });
}

function sampleCall({ profile, draws, tokens, used }: Sample, atMs: number): OAuthEvent {
  const held = draws.below(tokens.length);
  const user = held % profile.users;
  const client = pickClient(draws, profile.clients);
  const ip = ipOf(user);
  const call = {
    endpoint: ENDPOINTS[draws.below(ENDPOINTS.length)] ?? "/",
    method: "GET",
    ip,
    user_agent: AGENT.repeat(Math.ceil(profile.userAgentBytes / AGENT.length)).slice(
      0,
      profile.userAgentBytes,
    ),
    request_id: draws.uuid(atMs),
    ...(profile.traced && { trace_id: `1-${draws.uuid(atMs).replaceAll("-", "").slice(0, 32)}` }),
  };
  const subject = { clientId: `client-${client}`, userId: `user-${user}` };
  const token = { token_id: tokens[held] };
  if (!draws.chance(profile.failures)) {
    const first = !used.has(held);
    used.add(held);
    const moved = draws.chance(profile.moves);
    const before = {
      at: toInstant(atMs - profile.secondsBetweenUses * SECOND_MS),
      ip: moved ? ipOf(user + (1 << 20)) : ip,
    };
    const details = {
      ...call,
      previous_use: first ? null : before,
      ...(profile.config.tracking.scopeValidationSuccess &&
        scopeCheck(["api:read"], ["api:read", "api:write"], true)),
      ...token,
    };
    const id = draws.uuid(atMs);
    return createEvent({ eventType: "token_used", ...subject, details, id }, atMs);
  }
  const known = !draws.chance(profile.unknownFailures);
  const details = known
    ? { ...call, reason: "expired_token", ...token }
    : { ...call, reason: "unknown_token" };
  const id = draws.uuid(atMs);
  return createEvent({ eventType: "auth_failed", ...(known && subject), details, id }, atMs);
}
