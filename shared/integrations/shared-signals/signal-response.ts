import type {
  ActionableSignal,
  SignalResponse,
  TransmitterConfig,
} from "../../config/signal-parameters.ts";
import { SECOND_MS, toInstant } from "../../core/clock.ts";
import type { MappedSubject, NamedJwt } from "./map-subject.ts";
import type { Signal } from "./signal-event.ts";

/** The target of the response to a signal. */
export interface SignalTarget {
  readonly kind: "token" | "session" | "user" | "client";
  readonly id: string;
}

/** The revocation in response to a signal. */
export interface SignalRevocation {
  readonly target: SignalTarget;
  readonly reason: string;
  /** The transmitter's name. */
  readonly transmitter: string;
  readonly mode: Exclude<SignalResponse, "notify">;
  /** Tokens only: the token's issuer and `jti`, in case the token has never been used here. */
  readonly named?: NamedJwt & { readonly clientId: string | undefined };
  /** Tokens issued before this time are denied, UTC. This keeps a late signal from affecting newer sessions. */
  readonly issuedBefore: string;
  /** The same for every delivery of the signal. */
  readonly idempotencyKey: string;
}

/** Whether a signal's payload means that access must end. Only for signals whose type alone doesn't decide. */
const ENDS_ACCESS: Partial<Record<ActionableSignal, (payload: Signal["payload"]) => boolean>> = {
  "assurance-level-change": ({ change_direction }) => change_direction === "decrease",
  "device-compliance-change": ({ current_status }) => current_status === "not-compliant",
};

/** Returns the narrowest target that the signal names, because all members of a subject describe one principal. */
function toTarget({ token, sessionId, userId, clientId }: MappedSubject) {
  const named: readonly [SignalTarget["kind"], string | undefined][] = [
    ["token", token?.tokenId],
    ["session", sessionId],
    ["user", userId],
    ["client", clientId],
  ];
  const [found] = named.flatMap(([kind, id]) => (id === undefined ? [] : [{ kind, id }]));
  return found;
}

/** Signals that apply to all of a user's access, even if they name a session. */
const WHOLE_USER: ReadonlySet<string> = new Set([
  "sessions-revoked",
  "account-disabled",
  "account-purged",
  "credential-compromise",
]);

/**
 * Returns the revocation that the configuration requires in response to a signal.
 *
 * @param atMs current time, epoch milliseconds
 * @returns undefined if the signal is only stored, or if its subject is unknown
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
      : toTarget(subject);
  if (!target) return undefined;
  // Round up to the end of the second, because `event_timestamp` has a precision of one second.
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
