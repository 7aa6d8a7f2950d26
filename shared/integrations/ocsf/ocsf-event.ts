import type { EventData } from "../../events/event-data.ts";

/** https://schema.ocsf.io/1.8.0/objects/user */
export interface OcsfUser {
  readonly name?: string;
  readonly uid?: string;
  readonly type_id: 0 | 1 | 4;
  readonly type: string;
}

/** https://schema.ocsf.io/1.8.0/objects/session */
export interface OcsfSession {
  readonly uid?: string;
  readonly created_time?: number;
  readonly expiration_time?: number;
}

/** https://schema.ocsf.io/1.8.0/objects/token */
export interface OcsfToken {
  readonly uid?: string;
  readonly type_id: 99;
  readonly type: string;
  readonly created_time?: number;
  readonly expiration_time?: number;
}

/** https://schema.ocsf.io/1.8.0/objects/actor. Must have at least one member. */
export interface OcsfActor {
  readonly app_name?: string;
  /** The OAuth client. */
  readonly app_uid?: string;
  readonly user?: OcsfUser;
  readonly session?: OcsfSession;
}

/** https://schema.ocsf.io/1.8.0/objects/location */
export interface OcsfLocation {
  /** ISO 3166-1 country code. */
  readonly country: string;
  /** Degrees. */
  readonly lat?: number;
  readonly long?: number;
}

/** https://schema.ocsf.io/1.8.0/objects/autonomous_system. Must have at least one member. */
export interface OcsfAutonomousSystem {
  readonly number?: number;
  readonly name?: string;
}

/** https://schema.ocsf.io/1.8.0/objects/network_endpoint. Has at least one member. */
export interface OcsfEndpoint {
  readonly ip?: string;
  readonly name?: string;
  readonly location?: OcsfLocation;
  readonly autonomous_system?: OcsfAutonomousSystem;
}

/** https://schema.ocsf.io/1.8.0/objects/http_request */
export interface OcsfHttpRequest {
  readonly uid?: string;
  readonly http_method?: string;
  readonly url?: { readonly path: string };
  readonly user_agent?: string;
}

/** https://schema.ocsf.io/1.8.0/objects/metadata */
export interface OcsfMetadata {
  readonly version: string;
  readonly product: { readonly name: string; readonly vendor_name: string };
  /** The event's ID. An event that is exported twice has the same ID. */
  readonly uid: string;
  /** The event's type. */
  readonly event_code: string;
  readonly log_name: string;
  /** The call's request ID. It links the events of the call. */
  readonly correlation_uid?: string;
}

/** The attributes of every event class. https://schema.ocsf.io/1.8.0/base_event */
export interface OcsfBaseEvent {
  readonly metadata: OcsfMetadata;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly category_uid: number;
  readonly category_name: string;
  readonly class_name: string;
  readonly activity_id: number;
  readonly activity_name: string;
  /** `class_uid` × 100 + `activity_id`. */
  readonly type_uid: number;
  readonly type_name: string;
  readonly severity_id: number;
  readonly severity: string;
  readonly status_id: number;
  readonly status: string;
  readonly status_detail?: string;
  readonly message?: string;
  /** Data for which the schema has no attribute. */
  readonly unmapped?: EventData;
}

/** https://schema.ocsf.io/1.8.0/classes/authentication */
export interface AuthenticationAttributes {
  readonly class_uid: 3002;
  readonly user: OcsfUser;
  readonly service: { readonly name: string };
  readonly auth_protocol_id: 6;
  readonly auth_protocol: string;
  readonly actor?: OcsfActor;
  readonly session?: OcsfSession;
  readonly authentication_token?: OcsfToken;
  readonly src_endpoint?: OcsfEndpoint;
  readonly http_request?: OcsfHttpRequest;
}

/** https://schema.ocsf.io/1.8.0/classes/api_activity */
export interface ApiActivityAttributes {
  readonly class_uid: 6003;
  readonly actor: OcsfActor;
  readonly api: {
    readonly operation: string;
    readonly service: { readonly name: string };
    readonly token?: OcsfToken;
  };
  readonly src_endpoint: OcsfEndpoint;
  readonly http_request?: OcsfHttpRequest;
}

/** https://schema.ocsf.io/1.8.0/classes/detection_finding */
export interface DetectionFindingAttributes {
  readonly class_uid: 2004;
  readonly is_alert: boolean;
  readonly finding_info: {
    readonly uid: string;
    readonly title?: string;
    readonly analytic?: { readonly name: string; readonly type_id: 1; readonly type: string };
  };
  readonly start_time?: number;
  readonly end_time?: number;
  readonly remediation?: { readonly desc: string };
  readonly resources?: readonly { readonly uid: string; readonly type: string }[];
  readonly evidences?: readonly {
    readonly actor?: OcsfActor;
    readonly src_endpoint?: OcsfEndpoint;
    readonly http_request?: OcsfHttpRequest;
    readonly data?: EventData;
  }[];
}

/** An exported event. */
export type OcsfEvent = OcsfBaseEvent &
  (AuthenticationAttributes | ApiActivityAttributes | DetectionFindingAttributes);
