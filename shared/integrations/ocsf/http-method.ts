import type { Enumerated } from "./event-classes.ts";

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
