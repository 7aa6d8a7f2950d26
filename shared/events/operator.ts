import { networkOf } from "./network.ts";
import { type Origin, originOf } from "./origin.ts";

/** The operator of an address's network, by the number of its autonomous system: `AS64496`. */
export function operatorOf(origin: Origin | undefined): string | undefined {
  return origin?.asn === undefined ? undefined : `AS${origin.asn}`;
}

/** Whether a place is an operator and not a network. */
export function isOperator(place: string): boolean {
  return /^AS\d/.test(place);
}

/**
 * Where a call came from, as far as a service has a place: the operator, where it is known, else the network. One cloud
 * lets its customers' calls out of many networks.
 *
 * @param data an event's `event_data`
 */
export function placeOf(data: Readonly<Record<string, unknown>>): string | undefined {
  return operatorOf(originOf(data)) ?? networkOf(data.ip);
}
