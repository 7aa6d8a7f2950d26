import { EVENT_SOURCE, type OAuthEvent } from "../../events/oauth-event.ts";
import { type Caller, readCaller } from "./caller.ts";
import { CLASS_ATTRIBUTES } from "./class-attributes.ts";
import { activityOfMethod, EVENT_CLASSES, OCSF_VERSION } from "./event-classes.ts";
import { EventDataReader, present } from "./event-data-reader.ts";
import { getMapping } from "./event-type-mapping.ts";
import type { OcsfEvent, OcsfMetadata } from "./ocsf-event.ts";

/** The product name and vendor, which a SIEM uses to distinguish sources. */
const PRODUCT = { name: "oauth-monitoring", vendor_name: "oauth-monitoring" };

/** Options for exported events. */
export interface OcsfOptions {
  /** The name of the protected API: `realm` in the configuration. */
  readonly serviceName: string;
}

function toMetadata(event: OAuthEvent, { requestId }: Caller): OcsfMetadata {
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
 * Converts an event to the Open Cybersecurity Schema Framework. Supports every event type and any data. Values that
 * don't fit the schema go to `unmapped`, so nothing is lost.
 * https://schema.ocsf.io/1.8.0
 */
export function toOcsfEvent(event: OAuthEvent, { serviceName }: OcsfOptions): OcsfEvent {
  const mapping = getMapping(event);
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
    metadata: toMetadata(event, caller),
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

/** Returns an exported event's partition: its class and UTC day. */
export function getPartition({ class_uid, time }: OcsfEvent): { class_uid: string; day: string } {
  return { class_uid: String(class_uid), day: new Date(time).toISOString().slice(0, 10) };
}
