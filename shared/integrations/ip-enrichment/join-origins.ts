import type { Origin } from "../../events/origin.ts";

/** Whether a source's value is absent or equals the merged value. */
const agree = <Value>(one: Value | undefined, other: Value | undefined) =>
  one === undefined || one === other;

/**
 * Merges IP enrichment. Each field comes from the first source that has it. Two exceptions: the operator never comes
 * from a source with a different ASN. Latitude and longitude always come from the same source, never one with a
 * different country.
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
