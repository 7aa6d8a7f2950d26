import { toInstant } from "../../../shared/core/clock.ts";
import type { EventData } from "../../../shared/events/event-data.ts";
import { createEvent, type OAuthEvent } from "../../../shared/events/oauth-event.ts";
import { previousUse } from "../../../shared/tokens/token-use.ts";
import type { Random } from "./random.ts";

/** The source and the target of a call. */
export interface Call {
  readonly endpoint: string;
  readonly method: string;
  readonly ip: string;
  readonly userAgent: string;
}

/** The client, user and token of an event. */
export interface Subject {
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly tokenId?: string | undefined;
}

/** A token with the fields that its events need. */
export interface TrafficToken extends Subject {
  readonly clientId: string;
  readonly tokenId: string;
  readonly scopes: readonly string[];
  readonly issuedMs: number;
  readonly expiresMs: number;
  /** The token's last use before the generated range. */
  readonly usedBefore?: { readonly atMs: number; readonly ip: string };
}

/** An event before `toEvents` adds the token's previous use. */
export interface DraftEvent {
  readonly id: string;
  readonly atMs: number;
  readonly eventType: string;
  readonly subject: Subject;
  readonly ip: string;
  readonly details: EventData;
  readonly usedBefore?: TrafficToken["usedBefore"];
}

const TOKEN_CALL = { endpoint: "/oauth/token", method: "POST" };
const REVOCATION_CALL = { endpoint: "/oauth/revoke", method: "POST" };

/** Returns a client's call to its authorization server. */
export function tokenCall(ip: string, userAgent: string): Call {
  return { ...TOKEN_CALL, ip, userAgent };
}

/** Collects the events of one traffic source in any order, in the form that the authorizer publishes. */
export class Timeline {
  readonly drafts: DraftEvent[] = [];

  constructor(private readonly random: Random) {}

  /** Adds an issued token. */
  issue(
    atMs: number,
    subject: { readonly clientId: string; readonly userId?: string | undefined },
    { scopes, lifetimeMs }: { readonly scopes: readonly string[]; readonly lifetimeMs: number },
    from: Pick<Call, "ip" | "userAgent">,
  ): TrafficToken {
    const issuedMs = Math.floor(atMs);
    const expiresMs = issuedMs + lifetimeMs;
    const tokenId = this.random.uuid(issuedMs);
    const token = { ...subject, tokenId, scopes, issuedMs, expiresMs };
    this.#add(issuedMs, "token_issued", token, tokenCall(from.ip, from.userAgent), {
      scopes: [...scopes],
      issued_at: toInstant(issuedMs),
      expires_at: toInstant(expiresMs),
    });
    return token;
  }

  /** Adds an allowed call. */
  use(atMs: number, token: TrafficToken, call: Call): void {
    this.#add(atMs, "token_used", token, call, {}, token.usedBefore);
  }

  /** Adds a denied call. */
  fail(atMs: number, reason: string, call: Call, subject: Subject = {}): void {
    this.#add(atMs, "auth_failed", subject, call, { reason });
  }

  /** Adds a call that was denied because the token is missing a scope. */
  exceedScope(
    atMs: number,
    token: TrafficToken,
    requiredScopes: readonly string[],
    call: Call,
  ): void {
    this.#add(atMs, "scope_violation", token, call, {
      required_scopes: [...requiredScopes],
      available_scopes: [...token.scopes],
      success: false,
    });
  }

  revoke(atMs: number, token: TrafficToken, from: Pick<Call, "ip" | "userAgent">): void {
    this.#add(
      atMs,
      "token_revoked",
      token,
      { ...REVOCATION_CALL, ...from },
      {
        issued_at: toInstant(token.issuedMs),
        expires_at: toInstant(token.expiresMs),
        scopes: [...token.scopes],
      },
    );
  }

  #add(
    atMs: number,
    eventType: string,
    { clientId, userId, tokenId }: Subject,
    { endpoint, method, ip, userAgent }: Call,
    details: EventData,
    usedBefore?: TrafficToken["usedBefore"],
  ): void {
    const wholeMs = Math.floor(atMs);
    this.drafts.push({
      id: this.random.uuid(wholeMs),
      atMs: wholeMs,
      eventType,
      subject: { clientId, userId, tokenId },
      ip,
      details: {
        endpoint,
        method,
        ip,
        user_agent: userAgent,
        request_id: this.random.uuid(wholeMs),
        ...details,
        ...(tokenId === undefined ? {} : { token_id: tokenId }),
      },
      ...(usedBefore && { usedBefore }),
    });
  }
}

/** Converts drafts to events, sorted by time. Adds the token's previous use to each use. */
export function toEvents(drafts: readonly DraftEvent[]): OAuthEvent[] {
  const uses = new Map<string, { readonly atMs: number; readonly ip: string }>();
  // IDs start with the time, so this sorts by time and produces the same order in every run.
  const ordered = drafts.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return ordered.map(({ id, atMs, eventType, subject, ip, details, usedBefore }) => {
    const { clientId, userId, tokenId } = subject;
    const used = eventType === "token_used" && tokenId !== undefined ? tokenId : undefined;
    const previous = used === undefined ? undefined : (uses.get(used) ?? usedBefore);
    const before = previous
      ? { last_used_at: toInstant(previous.atMs), last_used_ip: previous.ip }
      : {};
    if (used !== undefined) uses.set(used, { atMs, ip });
    return createEvent(
      {
        id,
        eventType,
        clientId,
        userId,
        details: used === undefined ? details : { ...details, ...previousUse(before) },
      },
      atMs,
    );
  });
}
