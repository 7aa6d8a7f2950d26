/**
 * JSON that somebody else made, as an attribute's value: with maps for its objects, since of an object
 * the SDK takes a member `constructor` for its class.
 */
export function freeJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(freeJson);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([key, member]) => [key, freeJson(member)]));
}
