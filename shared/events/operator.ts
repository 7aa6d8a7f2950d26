import { networkOf } from "./network.ts";
import { type Origin, originOf } from "./origin.ts";

/** Returns the operator of an address's network as its autonomous system: `AS64496`. */
export function operatorOf(origin: Origin | undefined): string | undefined {
  return origin?.asn === undefined ? undefined : `AS${origin.asn}`;
}

/** Whether a location is an operator instead of a network. */
export function isOperator(place: string): boolean {
  return /^AS\d/.test(place);
}

/**
 * Returns the location of a service's call: the operator if known, otherwise the network. The operator is
 * preferred because cloud customers call from many networks.
 *
 * @param data an event's `event_data`
 */
export function placeOf(data: Readonly<Record<string, unknown>>): string | undefined {
  return operatorOf(originOf(data)) ?? networkOf(data.ip);
}
