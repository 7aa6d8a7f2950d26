import * as z from "zod";
import { SECOND_MS } from "../../core/clock.ts";
import type { OAuthEvent } from "../../events/oauth-event.ts";
import { caepType, riscType } from "./signal-types.ts";

/** A signal to send: the event in one SET. The CAEP interoperability profile allows only one event per SET. */
export interface OutgoingSignal {
  readonly uri: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** The SET's `sub_id`. */
  readonly subject: Readonly<Record<string, unknown>>;
}

/** The issuer for users in outgoing signals: `iss` in the format `iss_sub`. */
export interface OutgoingNames {
  readonly userIssuer: string;
}

const opaque = (id: string) => ({ format: "opaque", id });

/** Rules whose alerts mean that a token is in the wrong hands. */
const STOLEN: ReadonlySet<string> = new Set(["credential_reuse", "token_theft", "revoked_token"]);

const text = z.string().min(1);

/** The part of an action event that is used here. */
const actionSchema = z.object({
  action: z.enum(["revoke", "block"]),
  target: z.object({ kind: z.string(), id: text }),
  reason: z.string(),
  actor: z.object({ kind: z.string(), id: z.string() }),
  until: z.string().optional(),
});

/** The part of an alert event that is used here. */
const alertSchema = z.object({
  rule: text,
  message: z.string(),
  subject: z.object({ kind: z.string(), id: text }),
});

type Names = OutgoingNames;

const user = (id: string, { userIssuer }: Names) => ({
  format: "iss_sub",
  iss: userIssuer,
  sub: id,
});

/** Builds a complex subject, or a simple subject if the user is the only member. */
function complex(members: {
  readonly user?: object | undefined;
  readonly [name: string]: object | undefined;
}): Readonly<Record<string, unknown>> {
  const present = Object.entries(members).filter(([, member]) => member !== undefined);
  if (present.length === 1 && members.user) return members.user as Record<string, unknown>;
  return { format: "complex", ...Object.fromEntries(present) };
}

/** Returns the attributes that every CAEP event may have (CAEP 1.0, section 2). */
function common({ occurred_at }: OAuthEvent, initiatingEntity: string, reason: string) {
  return {
    event_timestamp: Math.floor(Date.parse(occurred_at) / SECOND_MS),
    initiating_entity: initiatingEntity,
    reason_admin: { en: reason },
  };
}

/** Returns the subject for an action against a user, client, session or token. */
function subjectOfAction({ kind, id }: z.output<typeof actionSchema>["target"], names: Names) {
  if (kind === "user") return user(id, names);
  if (kind === "client") return complex({ application: opaque(id) });
  return kind === "session" || kind === "token" ? complex({ session: opaque(id) }) : undefined;
}

function actionSignals(event: OAuthEvent, released: boolean, names: Names): OutgoingSignal[] {
  const parsed = actionSchema.safeParse(event.event_data).data;
  // Don't forward received signals. Two systems that forward each other's signals would loop.
  if (!parsed || parsed.actor.kind === "receiver") return [];
  const { action, target, reason, actor } = parsed;
  const by = actor.kind === "policy" ? "policy" : "admin";
  const payload = common(event, by, reason);
  const subject = subjectOfAction(target, names);
  // The framework has no subject for an address or a network.
  if (!subject) return [];
  if (action === "block" && target.kind === "user") {
    const name = released ? "account-enabled" : "account-disabled";
    return [{ uri: riscType(name), payload, subject }];
  }
  return released ? [] : [{ uri: caepType("session-revoked"), payload, subject }];
}

function alertSignals(event: OAuthEvent, resolved: boolean): OutgoingSignal[] {
  const parsed = alertSchema.safeParse(event.event_data).data;
  if (!parsed) return [];
  const { rule, message, subject } = parsed;
  const client = event.oauth_client_id;
  const application = client === undefined ? undefined : opaque(client);
  const subjects: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    client: complex({ application: opaque(subject.id) }),
    token: complex({ session: opaque(subject.id), application }),
    ip: { format: "ip-addresses", "ip-addresses": [subject.id] },
  };
  const sub = subjects[subject.kind];
  if (!sub) return [];
  const payload = common(event, "system", message);
  if (!resolved && subject.kind === "token" && STOLEN.has(rule)) {
    return [
      {
        uri: riscType("credential-compromise"),
        payload: { ...payload, credential_type: "oauth-token" },
        subject: sub,
      },
    ];
  }
  return [
    {
      uri: caepType("risk-level-change"),
      payload: {
        ...payload,
        risk_reason: rule,
        principal: subject.kind === "token" ? "SESSION" : subject.kind.toUpperCase(),
        current_level: resolved ? "LOW" : "HIGH",
        previous_level: resolved ? "HIGH" : "LOW",
      },
      subject: sub,
    },
  ];
}

/** Returns the signal for a principal whose access was revoked. */
function forPrincipal(event: OAuthEvent, names: Names): OutgoingSignal[] {
  const { session_id: session } = event.event_data;
  const subject = complex({
    user: event.user_id === undefined ? undefined : user(event.user_id, names),
    session: typeof session === "string" ? opaque(session) : undefined,
    application: event.oauth_client_id === undefined ? undefined : opaque(event.oauth_client_id),
  });
  if (Object.keys(subject).length < 2) return [];
  const payload = common(event, "admin", "All access was revoked.");
  return [{ uri: caepType("session-revoked"), payload, subject }];
}

/**
 * Converts an event to outgoing CAEP and RISC signals. An action becomes `session-revoked`, or `account-disabled` for a
 * blocked user. An alert about a stolen token becomes `credential-compromise`. Any other alert becomes
 * `risk-level-change`.
 */
export function outgoingSignals(event: OAuthEvent, names: OutgoingNames): OutgoingSignal[] {
  switch (event.event_type) {
    case "action_taken":
      return actionSignals(event, false, names);
    case "action_released":
      return actionSignals(event, true, names);
    case "suspicious_activity":
      return alertSignals(event, false);
    case "alert_resolved":
      return alertSignals(event, true);
    case "access_revoked":
      return forPrincipal(event, names);
    default:
      return [];
  }
}
