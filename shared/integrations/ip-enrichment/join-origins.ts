import type { Origin } from "../../events/origin.ts";

/** Whether two sources do not contradict each other about a member. */
const agree = <Value>(one: Value | undefined, other: Value | undefined) =>
  one === undefined || one === other;

/**
 * Joins what sources say, the first that knows a member first. An operator stands only beside the system that it
 * runs, and coordinates, which stand together, only beside the country that they lie in.
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
