import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { toInstant } from "../../core/clock.ts";
import type { Anomaly, AnomalyRule, AnomalySubject } from "./anomaly-rule.ts";
import { originFacts, placeText } from "./origin-news.ts";
import type { SeenEvent } from "./seen-event.ts";

/** Words for a new client in a provider's code, reason or message (RFC 7591, section 3). */
const CLIENT = /client|application|service.?principal|\bapp[._]|^registration_create/i;
const REGISTERED = /regist|creat|\badd/i;
const LONGEST = 300;

/** Medium risk: registrations alone harm nobody. */
const REGISTRATION_SCORE = 60;

const isRegistration = ({ code = "", message = "", reason = "" }: SeenEvent) => {
  const text = `${code} ${reason} ${message}`.slice(0, LONGEST);
  return CLIENT.test(text) && REGISTERED.test(text) && !/secret|role|grant|consent/i.test(text);
};

/** Returns who made a registration: the address, else the user, else the client. */
function actorOf({ ip, userId, clientId }: SeenEvent): AnomalySubject | undefined {
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
      const subject = actorOf(event);
      if (!subject) continue;
      const key = `${subject.kind} ${subject.id}`;
      const of = byActor.get(key) ?? { subject, events: [] };
      byActor.set(key, of);
      of.events.push(event);
    }
    return [...byActor.values()].flatMap(({ subject, events }): Anomaly[] => {
      const [first] = events;
      const last = events.at(-1);
      if (events.length < threshold || !first || !last) return [];
      return [
        {
          subject,
          message: `${subject.kind} ${subject.id} registered ${events.length} clients within minutes${first.origin ? `, from ${placeText(first)}` : ""}; the usual number is 0 or 1`,
          score: REGISTRATION_SCORE,
          observed: events.length,
          threshold,
          windowStart: toInstant(first.atMs),
          windowEnd: toInstant(last.atMs),
          evidence: {
            codes: [...new Set(events.map(({ code }) => code))].slice(0, 10),
            ...originFacts(first.origin),
          },
        },
      ];
    });
  },
};
