/**
 * Converts the objects in untrusted JSON to maps, so that it can be stored as a DynamoDB attribute. The SDK
 * would mistake a member named `constructor` for the class of an object.
 */
export function freeJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(freeJson);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([key, member]) => [key, freeJson(member)]));
}
