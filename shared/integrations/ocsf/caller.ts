import { isIP } from "node:net";
import type { EventData } from "../../events/event-data.ts";
import { readEnrichment } from "../../events/ip-enrichment.ts";
import type { OAuthEvent } from "../../events/oauth-event.ts";
import { isHttpMethod } from "./event-classes.ts";
import { type EventDataReader, present } from "./event-data-reader.ts";
import type {
  OcsfActor,
  OcsfAutonomousSystem,
  OcsfEndpoint,
  OcsfHttpRequest,
  OcsfLocation,
  OcsfSession,
  OcsfToken,
  OcsfUser,
} from "./ocsf-event.ts";

/** The location and network of a call's source. */
export interface SourceLocation {
  readonly location?: OcsfLocation | undefined;
  readonly autonomous_system?: OcsfAutonomousSystem | undefined;
}

/**
 * Reads an event's IP enrichment. Values that have no attribute in the schema, such as `network_type`, stay in
 * `unmapped`. Coordinates without a country also stay there, because a location in the schema requires a country.
 */
export function readLocation(data: EventDataReader): SourceLocation {
  const geo = data.object("geo");
  const autonomous_system = data.object("autonomous_system");
  const { country, latitude, longitude, asn, organization } =
    readEnrichment({ geo, autonomous_system }) ?? {};
  const hasLocation = country !== undefined && latitude !== undefined && longitude !== undefined;
  const keepRest = (name: string, object: EventData | undefined, mapped: EventData) => {
    const names = new Set(Object.keys(present(mapped) ?? {}));
    const rest = Object.entries(object ?? {}).filter(([key]) => !names.has(key));
    if (rest.length > 0) data.keep(name, Object.fromEntries(rest));
  };
  keepRest("geo", geo, {
    country_iso_code: country,
    ...(hasLocation && { latitude, longitude }),
  });
  keepRest("autonomous_system", autonomous_system, { number: asn, organization });
  return {
    location:
      country === undefined
        ? undefined
        : { country, ...(hasLocation && { lat: latitude, long: longitude }) },
    autonomous_system: present({ number: asn, name: organization }),
  };
}

/** Placeholder if the schema requires a name and the event has none. */
const UNKNOWN = "Unknown";

/** Maximum length of the schema's type `ip_t`. */
const MAX_IP_LENGTH = 40;

/** The call that an event describes, and its source. */
export interface Caller {
  readonly endpoint: OcsfEndpoint | undefined;
  readonly request: OcsfHttpRequest | undefined;
  readonly requestId: string | undefined;
  readonly session: OcsfSession | undefined;
}

/** Reads the caller from an event's data. */
export function readCaller(data: EventDataReader): Caller {
  const ip = data.text("ip", (text) => isIP(text) !== 0 && text.length <= MAX_IP_LENGTH);
  const name = data.text("ip");
  const path = data.text("endpoint");
  const requestId = data.text("request_id");
  return {
    // The schema requires an address or a name for an endpoint. A location alone isn't enough.
    endpoint:
      ip === undefined && name === undefined
        ? undefined
        : present({ ip, name, ...readLocation(data) }),
    request: present({
      uid: requestId,
      http_method: data.text("method", isHttpMethod),
      url: path === undefined ? undefined : { path },
      user_agent: data.text("user_agent"),
    }),
    requestId,
    session: present({ uid: data.text("session_id") }),
  };
}

/** Reads the access token from an event's data. */
export function readToken(data: EventDataReader): OcsfToken | undefined {
  const token = present({
    uid: data.text("token_id"),
    created_time: data.instantMs("issued_at"),
    expiration_time: data.instantMs("expires_at"),
  });
  // The schema has type IDs only for Kerberos, OpenID Connect and SAML tokens.
  return token && { ...token, type_id: 99, type: "Access Token" };
}

/** Returns the event's user. A client that acts on its own behalf is its own user. */
export function toOcsfUser({ user_id, oauth_client_id }: OAuthEvent): OcsfUser | undefined {
  if (user_id !== undefined) return { uid: user_id, type_id: 1, type: "User" };
  if (oauth_client_id !== undefined) return { uid: oauth_client_id, type_id: 4, type: "Service" };
  return undefined;
}

/** Returns the event's user, or an unknown user. */
export function userOrUnknown(event: OAuthEvent): OcsfUser {
  return toOcsfUser(event) ?? { name: UNKNOWN, type_id: 0, type: UNKNOWN };
}

/** Returns the client, with the user and session that it acts for. */
export function toOcsfActor(
  event: OAuthEvent,
  session: OcsfSession | undefined,
): OcsfActor | undefined {
  return present({
    app_uid: event.oauth_client_id,
    user: event.user_id === undefined ? undefined : toOcsfUser(event),
    session,
  });
}

/** Returns the actor, or an unknown actor. */
export function actorOrUnknown(event: OAuthEvent, session: OcsfSession | undefined): OcsfActor {
  return toOcsfActor(event, session) ?? { app_name: UNKNOWN };
}

/** Returns the call's source endpoint, or an unknown endpoint. */
export function endpointOrUnknown({ endpoint }: Caller): OcsfEndpoint {
  return endpoint ?? { name: UNKNOWN };
}
