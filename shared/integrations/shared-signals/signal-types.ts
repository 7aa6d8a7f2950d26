/** Event types of CAEP 1.0, section 3. */
const CAEP = [
  "session-revoked",
  "token-claims-change",
  "credential-change",
  "assurance-level-change",
  "device-compliance-change",
  "session-established",
  "session-presented",
  "risk-level-change",
] as const;

/** Event types of RISC 1.0, section 2. */
const RISC = [
  "account-credential-change-required",
  "account-purged",
  "account-disabled",
  "account-enabled",
  "identifier-changed",
  "identifier-recycled",
  "credential-compromise",
  "opt-in",
  "opt-out-initiated",
  "opt-out-cancelled",
  "opt-out-effective",
  "recovery-activated",
  "recovery-information-changed",
  "sessions-revoked",
] as const;

/** Event types of the Shared Signals Framework 1.0, sections 8.1.4 and 8.1.5. */
const SSF = ["verification", "stream-updated"] as const;

const BASE = "https://schemas.openid.net/secevent";

/** Returns the URI of a CAEP event type. */
export const caepType = (name: string) => `${BASE}/caep/event-type/${name}`;
/** Returns the URI of a RISC event type. */
export const riscType = (name: string) => `${BASE}/risc/event-type/${name}`;
/** Returns the URI of one of the framework's own event types. */
export const ssfType = (name: string) => `${BASE}/ssf/event-type/${name}`;

/** Names of the known event types by URI. Drafts used different paths for the framework's own types. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ...CAEP.map((name) => [caepType(name), name] as const),
  ...RISC.map((name) => [riscType(name), name] as const),
  ...SSF.flatMap((name) => [
    [ssfType(name), name] as const,
    [`${BASE}/sse/event-type/${name}`, name] as const,
    [riscType(name), name] as const,
  ]),
]);

/** Returns the name of a known event type, such as `session-revoked`, or undefined for any other URI. */
export function signalName(uri: string): string | undefined {
  return NAMES.get(uri);
}

/** Returns the event type for a signal, such as `signal_session_revoked`, or `signal_unknown` without a name. */
export function signalEventType(name: string | undefined): string {
  return `signal_${(name ?? "unknown").replaceAll("-", "_")}`;
}
