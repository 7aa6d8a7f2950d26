import { EVENT_SOURCE, type OAuthEvent } from "../envelope/oauth-event.ts";
import { type Caller, readCaller } from "./caller.ts";
import { CLASS_ATTRIBUTES } from "./class-attributes.ts";
import { EVENT_CLASSES, OCSF_VERSION } from "./event-classes.ts";
import { EventDataReader, present } from "./event-data-reader.ts";
import { mappingOf } from "./event-type-mapping.ts";
import { activityOfMethod } from "./http-method.ts";
import type { OcsfEvent, OcsfMetadata } from "./ocsf-event.ts";

/** Name and vendor of the product that reports, as a SIEM tells its sources apart. */
const PRODUCT = { name: "oauth-monitoring", vendor_name: "oauth-monitoring" };

/** What an exported event says of its source. */
export interface OcsfOptions {
  /** What the protected API is called: the `realm` of the configuration. */
  readonly serviceName: string;
}

function metadataOf(event: OAuthEvent, { requestId }: Caller): OcsfMetadata {
  return {
    version: OCSF_VERSION,
    product: PRODUCT,
    uid: event.id,
    event_code: event.event_type,
    log_name: EVENT_SOURCE,
    ...present({ correlation_uid: requestId }),
  };
}

/**
 * The event in the terms of the Open Cybersecurity Schema Framework. Every event has one, whatever its
 * type and data; what the schema has no place for is in `unmapped`, so nothing is lost.
 * https://schema.ocsf.io/1.8.0
 */
export function toOcsfEvent(event: OAuthEvent, { serviceName }: OcsfOptions): OcsfEvent {
  const mapping = mappingOf(event);
  const { class_uid, class_name, category_uid, category_name } = EVENT_CLASSES[mapping.class];
  const { severity, status } = mapping;
  const data = new EventDataReader(event.event_data);
  const caller = readCaller(data);
  const activity =
    mapping.activity === "by method"
      ? activityOfMethod(caller.request?.http_method)
      : mapping.activity;
  const message = data.text("message");
  const status_detail = data.text("reason") ?? mapping.detail;
  const attributes = CLASS_ATTRIBUTES[mapping.class]({
    event,
    caller,
    data,
    message,
    serviceName,
  });
  const { rest } = data;
  return {
    metadata: metadataOf(event, caller),
    time: Date.parse(event.occurred_at),
    class_name,
    category_uid,
    category_name,
    activity_id: activity.id,
    activity_name: activity.caption,
    type_uid: class_uid * 100 + activity.id,
    type_name: `${class_name}: ${activity.caption}`,
    severity_id: severity.id,
    severity: severity.caption,
    status_id: status.id,
    status: status.caption,
    ...present({ status_detail, message }),
    ...attributes,
    ...(Object.keys(rest).length > 0 && { unmapped: rest }),
  };
}

/** The partition that an event is exported into: its class, and the UTC day on which it happened. */
export function partitionOf({ class_uid, time }: OcsfEvent): { class_uid: string; day: string } {
  return { class_uid: String(class_uid), day: new Date(time).toISOString().slice(0, 10) };
}
