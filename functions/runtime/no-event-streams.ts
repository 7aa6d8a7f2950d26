/**
 * Stands in for the SDK's event streams in the bundles: no operation that a function calls streams
 * events, and the SDK asks for this part only once one does.
 * https://smithy.io/2.0/spec/streaming.html#event-streams
 */
export class EventStreamSerde {
  /** @throws Error always */
  constructor() {
    eventStreamSerdeProvider();
  }
}

/** @throws Error always */
export function eventStreamSerdeProvider(): never {
  throw new Error("event streams are left out of the bundles");
}
