import type {
  ActionableSignal,
  SignalResponse,
  TransmitterConfig,
} from "../../config/signal-parameters.ts";
import { SECOND_MS, toInstant } from "../../core/clock.ts";
import type { MappedSubject, NamedJwt } from "./map-subject.ts";
import type { Signal } from "./signal-event.ts";

/** Against whom a signal is answered. */
export interface SignalTarget {
  readonly kind: "token" | "session" | "user" | "client";
  readonly id: string;
}

/** The revocation by which a signal is answered. */
export interface SignalRevocation {
  readonly target: SignalTarget;
  readonly reason: string;
  /** The transmitter's name. */
  readonly transmitter: string;
  readonly mode: Exclude<SignalResponse, "notify">;
  /** Of a token: how its issuer names it, if it was never seen here. */
  readonly named?: NamedJwt & { readonly clientId: string | undefined };
  /** Tokens that were issued before are refused; UTC. A signal that comes late ends no newer session. */
  readonly issuedBefore: string;
  /** The same for every delivery of the signal. */
  readonly idempotencyKey: string;
}

/** Whether a signal says that access is to end, where its type alone does not. */
const ENDS_ACCESS: Partial<Record<ActionableSignal, (payload: Signal["payload"]) => boolean>> = {
  "assurance-level-change": ({ change_direction }) => change_direction === "decrease",
  "device-compliance-change": ({ current_status }) => current_status === "not-compliant",
};

/** The narrowest of what the signal names: all its members are attributes of one principal. */
function targetOf({ token, sessionId, userId, clientId }: MappedSubject) {
  const named: readonly [SignalTarget["kind"], string | undefined][] = [
    ["token", token?.tokenId],
    ["session", sessionId],
    ["user", userId],
    ["client", clientId],
  ];
  const [found] = named.flatMap(([kind, id]) => (id === undefined ? [] : [{ kind, id }]));
  return found;
}

/** Signals that concern everything of a user, whatever session they name. */
const WHOLE_USER: ReadonlySet<string> = new Set([
  ...["sessions-revoked", "account-disabled", "account-purged", "credential-compromise"],
]);

/**
 * The revocation that the configuration asks for.
 *
 * @param atMs now, epoch milliseconds
 * @returns undefined when the signal is only to be stored, or is about nobody that is known here
 */
export function responseTo(
  signal: Signal,
  transmitter: TransmitterConfig,
  atMs: number,
): SignalRevocation | undefined {
  const { event, name, payload, subject, happenedAtMs } = signal;
  const mode = transmitter.actions[name ?? ""] ?? "notify";
  if (name === undefined || mode === "notify") return undefined;
  if (ENDS_ACCESS[name as ActionableSignal]?.(payload) === false) return undefined;
  const { userId } = subject;
  const target =
    WHOLE_USER.has(name) && userId !== undefined
      ? ({ kind: "user", id: userId } as const)
      : targetOf(subject);
  if (!target) return undefined;
  // To the end of its second, in which an event_timestamp is given.
  const endMs = (Math.floor(happenedAtMs / SECOND_MS) + 1) * SECOND_MS;
  return {
    target,
    reason: `${name} of ${transmitter.name}`,
    transmitter: transmitter.name,
    mode,
    ...(target.kind === "token" &&
      subject.token && { named: { ...subject.token, clientId: subject.clientId } }),
    issuedBefore: toInstant(Math.min(endMs, atMs)),
    idempotencyKey: `signal:${event.id}`,
  };
}
