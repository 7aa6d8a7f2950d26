import type { Origin } from "../../events/origin.ts";

/** Whether a source doesn't contradict the joined value of a field. */
const agree = <Value>(one: Value | undefined, other: Value | undefined) =>
  one === undefined || one === other;

/**
 * Merges IP enrichment. Each field comes from the first source that has it. Exceptions: the operator never comes from a
 * source with another ASN. Latitude and longitude come from one source, never from one with another country.
 */
export function joinOrigins(...sources: readonly (Origin | undefined)[]): Origin | undefined {
  const joined: Origin = Object.assign({}, ...sources.toReversed());
  const { latitude: _, longitude: __, operator: ___, ...members } = joined;
  const run = sources.find(
    (source) => source?.operator !== undefined && agree(source.asn, members.asn),
  );
  const placed = sources.find(
    (source) =>
      source?.latitude !== undefined &&
      source.longitude !== undefined &&
      agree(source.country, members.country),
  );
  const origin = {
    ...members,
    ...(run && { operator: run.operator }),
    ...(placed && { latitude: placed.latitude, longitude: placed.longitude }),
  };
  return Object.keys(origin).length === 0 ? undefined : origin;
}
