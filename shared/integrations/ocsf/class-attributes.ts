import type { OAuthEvent } from "../../events/oauth-event.ts";
import {
  actorOrUnknown,
  type Caller,
  endpointOrUnknown,
  readToken,
  toOcsfActor,
  userOrUnknown,
} from "./caller.ts";
import type { EventClassName } from "./event-classes.ts";
import { type EventDataReader, present } from "./event-data-reader.ts";
import type {
  ApiActivityAttributes,
  AuthenticationAttributes,
  DetectionFindingAttributes,
  OcsfSession,
} from "./ocsf-event.ts";

/** The input for building a class's attributes. */
export interface ClassSource {
  readonly event: OAuthEvent;
  readonly caller: Caller;
  /** The event's data. The caller's fields were already read from it. */
  readonly data: EventDataReader;
  readonly message: string | undefined;
  /** The name of the protected API, as in `WWW-Authenticate`. */
  readonly serviceName: string;
}

/** Returns the identity provider that reported the event, or the protected API. */
function toOcsfService({ data, serviceName }: ClassSource): { readonly name: string } {
  return { name: data.text("provider") ?? serviceName };
}

/** Returns the session. In a session event, `issued_at` and `expires_at` apply to the session. */
function toOcsfSession({ event, caller, data }: ClassSource): OcsfSession | undefined {
  if (!event.event_type.startsWith("session_")) return caller.session;
  return present({
    ...caller.session,
    created_time: data.instantMs("issued_at"),
    expiration_time: data.instantMs("expires_at"),
  });
}

function authentication(source: ClassSource): AuthenticationAttributes {
  const { event, caller, data } = source;
  return {
    class_uid: 3002,
    user: userOrUnknown(event),
    service: toOcsfService(source),
    auth_protocol_id: 6,
    auth_protocol: "OAUTH 2.0",
    ...present({
      actor: toOcsfActor(event, undefined),
      session: toOcsfSession(source),
      authentication_token: readToken(data),
      src_endpoint: caller.endpoint,
      http_request: caller.request,
    }),
  };
}

function apiActivity(source: ClassSource): ApiActivityAttributes {
  const { event, caller, data } = source;
  const { http_method, url } = caller.request ?? {};
  const call = url && [http_method, url.path].filter(Boolean).join(" ");
  return {
    class_uid: 6003,
    actor: actorOrUnknown(event, caller.session),
    api: {
      operation: call ?? event.event_type,
      service: toOcsfService(source),
      ...present({ token: readToken(data) }),
    },
    src_endpoint: endpointOrUnknown(caller),
    ...present({ http_request: caller.request }),
  };
}

function detectionFinding(source: ClassSource): DetectionFindingAttributes {
  const { event, caller, data, message } = source;
  const rule = data.text("rule");
  const advice = data.text("advice");
  const tokenId = data.text("token_id");
  const evidence = present({
    actor: toOcsfActor(event, caller.session),
    src_endpoint: caller.endpoint,
    data: data.object("evidence"),
  });
  // The schema doesn't allow evidence that contains only a request.
  const shown = caller.request
    ? {
        ...(evidence ?? { actor: actorOrUnknown(event, caller.session) }),
        http_request: caller.request,
      }
    : evidence;
  return {
    class_uid: 2004,
    is_alert: event.event_type === "suspicious_activity",
    finding_info: {
      // An alert has the same ID when it opens and when it resolves, so readers can connect the two.
      uid: data.text("alert_id") ?? event.id,
      ...present({
        title: message,
        analytic: rule === undefined ? undefined : { name: rule, type_id: 1, type: "Rule" },
      } as const),
    },
    ...present({
      start_time: data.instantMs("window_start"),
      end_time: data.instantMs("window_end"),
      remediation: advice === undefined ? undefined : { desc: advice },
      resources: tokenId === undefined ? undefined : [{ uid: tokenId, type: "Access Token" }],
      evidences: shown && [shown],
    }),
  };
}

/** Builders of the attributes that each class adds to the base event. */
export const CLASS_ATTRIBUTES = {
  authentication,
  apiActivity,
  detectionFinding,
} as const satisfies Record<EventClassName, (source: ClassSource) => unknown>;
