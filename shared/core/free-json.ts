/**
 * Converts the objects in untrusted JSON to maps so that the JSON can be stored as a DynamoDB attribute. Otherwise the
 * SDK would mistake a member named `constructor` for an object's class.
 */
export function freeJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(freeJson);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([key, member]) => [key, freeJson(member)]));
}
