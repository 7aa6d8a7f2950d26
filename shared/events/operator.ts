import { networkOf } from "./network.ts";
import { type Origin, originOf } from "./origin.ts";

/** Returns the network operator's autonomous system, such as `AS64496`. */
export function operatorOf(origin: Origin | undefined): string | undefined {
  return origin?.asn === undefined ? undefined : `AS${origin.asn}`;
}

/** Whether a location is a network operator rather than a network. */
export function isOperator(place: string): boolean {
  return /^AS\d/.test(place);
}

/**
 * Returns the location that a service called from: the network operator if known, otherwise the network. The operator
 * comes first because cloud customers call from many networks.
 *
 * @param data an event's `event_data`
 */
export function placeOf(data: Readonly<Record<string, unknown>>): string | undefined {
  return operatorOf(originOf(data)) ?? networkOf(data.ip);
}
