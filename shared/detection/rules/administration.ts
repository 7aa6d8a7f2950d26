import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import {
  type Anomaly,
  type AnomalyRule,
  type AnomalySubject,
  formatWindow,
} from "./anomaly-rule.ts";
import { formatLocation, toEnrichmentFacts } from "./location-novelty.ts";
import type { SeenEvent } from "./seen-event.ts";

/**
 * Administrative changes, recognised by words in the provider's code, reason and message. At least one word from each
 * list must match.
 */
const CHANGES: readonly {
  readonly did: string;
  /** Text that follows "tried and failed to" in the alert. */
  readonly to: string;
  readonly words: readonly (readonly string[])[];
  /** Score of a change that succeeded. */
  readonly score: number;
}[] = [
  {
    did: "disabled a protection",
    to: "disable a protection",
    words: [
      ["disabl", "delet", "deactivat", "remov", "turned off"],
      [
        "mfa",
        "factor",
        "attack",
        "threat",
        "brute",
        "breached",
        "bot detection",
        "policy",
        "protection",
        "captcha",
        "zone",
        "strong authentication",
      ],
    ],
    score: 75,
  },
  {
    did: "read or changed a secret",
    to: "read or change a secret",
    words: [["secret"], ["read", "chang", "rotat", "creat", "add"]],
    score: 45,
  },
  {
    did: "changed a client's redirect URIs",
    to: "change a client's redirect URIs",
    words: [["redirect_uri", "redirect uri", "redirecturi", "callback"]],
    score: 60,
  },
  {
    did: "changed which identity providers are trusted",
    to: "change which identity providers are trusted",
    words: [
      ["federation", "identity provider", "domain authentication", ".idp."],
      ["set ", "creat", "add", "updat"],
    ],
    score: 60,
  },
  {
    did: "granted administrative rights",
    to: "grant administrative rights",
    words: [
      ["grant", "assign", "add"],
      ["admin", "role", "privilege"],
    ],
    score: 45,
  },
];

const LONGEST = 300;

/** Points subtracted if the attempt failed. */
const FAILED_LESS = 20;

function toAdminChange({ code = "", message = "", reason = "" }: SeenEvent) {
  const text = `${reason} ${code} ${message}`.slice(0, LONGEST).toLowerCase();
  return CHANGES.find(({ words }) => words.every((any) => any.some((word) => text.includes(word))));
}

/** Detects an administrator who weakens the identity provider. */
export const adminChange: AnomalyRule<AnomaliesConfig["rules"]["admin_change"]> = {
  name: "admin_change",
  catches:
    "an administrator who disables a protection at the identity provider, reads a secret, or changes redirect URIs, trusted identity providers or administrative rights",
  falsePositives: "planned administrative work",
  advice: "Ask the administrator. If it was not them, end their sessions and undo the change.",
  examples: "all",
  find: ({ administration }) =>
    administration.flatMap((event) => {
      const change = toAdminChange(event);
      if (!change) return [];
      const actor = event.userId ?? event.clientId ?? event.ip ?? "somebody";
      const action = event.isFailed ? `tried and failed to ${change.to}` : change.did;
      const kind =
        event.userId !== undefined ? "user" : event.clientId !== undefined ? "client" : "ip";
      return {
        subject: { kind, id: actor } as const,
        clientId: event.clientId,
        involved: event.ip === undefined ? [] : [{ kind: "ip", id: event.ip } as const],
        message: `${actor} ${action} at the identity provider: ${(event.message ?? event.code ?? "").slice(0, 200)}${event.enrichment ? `, from ${formatLocation(event)}` : ""}`,
        score: change.score - (event.isFailed ? FAILED_LESS : 0),
        observed: 1,
        threshold: 1,
        ...formatWindow(event.atMs, event.atMs),
        evidence: {
          code: event.code,
          reason: event.reason,
          user_agent: event.agent,
          ...toEnrichmentFacts(event.enrichment),
        },
      };
    }),
};

/** Words for a new client in a provider's code, reason or message (RFC 7591, section 3). */
const CLIENT = /client|application|service.?principal|\bapp[._]|^registration_create/i;
const REGISTERED = /regist|creat|\badd/i;

/** Medium risk: registrations alone are harmless. */
const REGISTRATION_SCORE = 60;

const isRegistration = ({ code = "", message = "", reason = "" }: SeenEvent) => {
  const text = `${code} ${reason} ${message}`.slice(0, LONGEST);
  return CLIENT.test(text) && REGISTERED.test(text) && !/secret|role|grant|consent/i.test(text);
};

/** Returns who made a registration: the address, else the user, else the client. */
function toActor({ ip, userId, clientId }: SeenEvent): AnomalySubject | undefined {
  if (ip !== undefined) return { kind: "ip", id: ip };
  if (userId !== undefined) return { kind: "user", id: userId };
  return clientId === undefined ? undefined : { kind: "client", id: clientId };
}

/** Detects many client registrations by one actor within minutes. */
export const registrationSpike: AnomalyRule<AnomaliesConfig["rules"]["registration_spike"]> = {
  name: "registration_spike",
  catches:
    "an actor that registers many clients within minutes, for phishing or to spread an attack over them",
  falsePositives: "a migration, or a deployment that creates its clients",
  advice:
    "Find out who registered the clients, and delete them. If registration is open, close it or require an initial access token (RFC 7591, section 3).",
  examples: "all",
  find: ({ administration }, { clients: threshold }) => {
    const byActor = new Map<string, { subject: AnomalySubject; events: SeenEvent[] }>();
    for (const event of administration.filter(isRegistration)) {
      const subject = toActor(event);
      if (!subject) continue;
      const key = `${subject.kind} ${subject.id}`;
      const registrations = byActor.get(key) ?? { subject, events: [] };
      byActor.set(key, registrations);
      registrations.events.push(event);
    }
    return [...byActor.values()].flatMap(({ subject, events }): Anomaly | [] => {
      const [first] = events;
      const last = events.at(-1);
      if (events.length < threshold || !first || !last) return [];
      return {
        subject,
        message: `${subject.kind} ${subject.id} registered ${events.length} clients within minutes${first.enrichment ? `, from ${formatLocation(first)}` : ""}; the usual number is 0 or 1`,
        score: REGISTRATION_SCORE,
        observed: events.length,
        threshold,
        ...formatWindow(first.atMs, last.atMs),
        evidence: {
          codes: [...new Set(events.map(({ code }) => code))].slice(0, 10),
          ...toEnrichmentFacts(first.enrichment),
        },
      };
    });
  },
};
