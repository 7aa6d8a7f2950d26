/**
 * The version of the Open Cybersecurity Schema Framework that exported events follow.
 * https://schema.ocsf.io/1.8.0
 */
export const OCSF_VERSION = "1.8.0";

/** An identifier and its caption in the schema. */
export interface Enumerated<Id extends number = number> {
  readonly id: Id;
  readonly caption: string;
}

/** A class and its category, with their names in the schema. */
export interface EventClass {
  readonly class_uid: 2004 | 3002 | 6003;
  readonly class_name: string;
  readonly category_uid: number;
  readonly category_name: string;
}

/**
 * The classes in use. https://schema.ocsf.io/1.8.0/classes/authentication,
 * https://schema.ocsf.io/1.8.0/classes/api_activity,
 * https://schema.ocsf.io/1.8.0/classes/detection_finding
 */
export const EVENT_CLASSES = {
  authentication: {
    class_uid: 3002,
    class_name: "Authentication",
    category_uid: 3,
    category_name: "Identity & Access Management",
  },
  apiActivity: {
    class_uid: 6003,
    class_name: "API Activity",
    category_uid: 6,
    category_name: "Application Activity",
  },
  detectionFinding: {
    class_uid: 2004,
    class_name: "Detection Finding",
    category_uid: 2,
    category_name: "Findings",
  },
} as const satisfies Record<string, EventClass>;

export type EventClassName = keyof typeof EVENT_CLASSES;

/** `severity_id`. https://schema.ocsf.io/1.8.0/base_event */
export const SEVERITY = {
  unknown: { id: 0, caption: "Unknown" },
  informational: { id: 1, caption: "Informational" },
  low: { id: 2, caption: "Low" },
  medium: { id: 3, caption: "Medium" },
} as const satisfies Record<string, Enumerated>;

/** `status_id` for events. Findings use different values. */
export const STATUS = {
  unknown: { id: 0, caption: "Unknown" },
  success: { id: 1, caption: "Success" },
  failure: { id: 2, caption: "Failure" },
} as const satisfies Record<string, Enumerated>;

/** `status_id` for findings. The schema's other values are for human reviewers. */
export const FINDING_STATUS = {
  new: { id: 1, caption: "New" },
  resolved: { id: 4, caption: "Resolved" },
} as const satisfies Record<string, Enumerated>;

const CREATE = { id: 1, caption: "Create" };
const READ = { id: 2, caption: "Read" };
const UPDATE = { id: 3, caption: "Update" };
const DELETE = { id: 4, caption: "Delete" };

/**
 * The methods that `http_request` allows, and the `activity_id` of API Activity for each (RFC 9110).
 * https://schema.ocsf.io/1.8.0/objects/http_request
 */
const ACTIVITIES: ReadonlyMap<string, Enumerated> = new Map([
  ["GET", READ],
  ["HEAD", READ],
  ["OPTIONS", READ],
  ["TRACE", READ],
  ["POST", CREATE],
  ["PUT", UPDATE],
  ["PATCH", UPDATE],
  ["DELETE", DELETE],
  ["CONNECT", { id: 99, caption: "Connect" }],
]);

/** Whether the schema supports the method. */
export function isHttpMethod(text: string): boolean {
  return ACTIVITIES.has(text);
}

/** Returns the activity for an HTTP method. */
export function activityOfMethod(method: string | undefined): Enumerated {
  return ACTIVITIES.get(method ?? "") ?? { id: 0, caption: "Unknown" };
}
