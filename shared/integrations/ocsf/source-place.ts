import type { EventData } from "../../events/event-data.ts";
import { originOf } from "../../events/origin.ts";
import { type EventDataReader, present } from "./event-data-reader.ts";
import type { OcsfAutonomousSystem, OcsfLocation } from "./ocsf-event.ts";

/** The location and network of a call's source. */
export interface SourcePlace {
  readonly location?: OcsfLocation | undefined;
  readonly autonomous_system?: OcsfAutonomousSystem | undefined;
}

/**
 * Reads an event's IP enrichment. Values that have no attribute in the schema, such as `kind`, stay in `unmapped`.
 * Coordinates without a country also stay there, because a location in the schema requires a country.
 */
export function readPlace(data: EventDataReader): SourcePlace {
  const given = data.object("origin");
  if (given === undefined) return {};
  const origin = originOf({ origin: given }) ?? {};
  const { country, latitude: lat, longitude: long, asn: number, operator: name } = origin;
  const isPlaced = country !== undefined && lat !== undefined && long !== undefined;
  const mapped = new Set([
    ...(country === undefined ? [] : ["country"]),
    ...(isPlaced ? ["latitude", "longitude"] : []),
    ...(number === undefined ? [] : ["asn"]),
    ...(name === undefined ? [] : ["operator"]),
  ]);
  const rest: EventData = Object.fromEntries(
    Object.entries(given).filter(([member]) => !mapped.has(member)),
  );
  if (Object.keys(rest).length > 0) data.keep("origin", rest);
  return {
    location: country === undefined ? undefined : { country, ...(isPlaced && { lat, long }) },
    autonomous_system: present({ number, name }),
  };
}
