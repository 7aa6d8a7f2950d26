/** CAEP 1.0, section 3. */
const CAEP = [
  ...["session-revoked", "token-claims-change", "credential-change", "assurance-level-change"],
  ...["device-compliance-change", "session-established", "session-presented", "risk-level-change"],
] as const;

/** RISC 1.0, section 2. */
const RISC = [
  ...["account-credential-change-required", "account-purged", "account-disabled"],
  ...["account-enabled", "identifier-changed", "identifier-recycled", "credential-compromise"],
  ...["opt-in", "opt-out-initiated", "opt-out-cancelled", "opt-out-effective"],
  ...["recovery-activated", "recovery-information-changed", "sessions-revoked"],
] as const;

/** Shared Signals Framework 1.0, section 8.1.4 and 8.1.5. */
const SSF = ["verification", "stream-updated"] as const;

const BASE = "https://schemas.openid.net/secevent";

/** The URI of a CAEP event type. */
export const caepType = (name: string) => `${BASE}/caep/event-type/${name}`;
/** The URI of a RISC event type. */
export const riscType = (name: string) => `${BASE}/risc/event-type/${name}`;
/** The URI of an event type of the framework itself. */
export const ssfType = (name: string) => `${BASE}/ssf/event-type/${name}`;

/** The name of each known event type, by its URI. Drafts had the framework's own types under other paths. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ...CAEP.map((name) => [caepType(name), name] as const),
  ...RISC.map((name) => [riscType(name), name] as const),
  ...SSF.flatMap((name) => [
    [ssfType(name), name] as const,
    [`${BASE}/sse/event-type/${name}`, name] as const,
    [riscType(name), name] as const,
  ]),
]);

/** The name of a known event type: `session-revoked`; undefined for every other URI. */
export function signalName(uri: string): string | undefined {
  return NAMES.get(uri);
}

/** The type of our event for a signal: `signal_session_revoked`, and `signal_unknown` where it has no name. */
export function signalEventType(name: string | undefined): string {
  return `signal_${(name ?? "unknown").replaceAll("-", "_")}`;
}
