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
