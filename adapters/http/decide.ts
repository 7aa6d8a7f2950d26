import {
  type AuthorizerContext,
  authorize,
  type Decision,
  type ProtectedRequest,
} from "../../shared/authorization/authorize.ts";
import { createBufferedSink } from "../../shared/events/event-sink.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";

/** What an adapter decides with; its `sink` is where events go after the answer. */
export type AdapterContext = Omit<AuthorizerContext, "defer">;

/** A decided call, with the work that can wait until the caller has its answer. */
export interface DecidedCall {
  readonly decision: Decision;
  /**
   * Does the work of tracking and answers the events that it made, which `publish` then hands over.
   *
   * @param onFailure is told of each piece of work that fails
   */
  track(onFailure: (error: unknown) => void): Promise<readonly OAuthEvent[]>;
  /** Hands the events over. Rejects when they could be neither published nor set aside. */
  publish(): Promise<void>;
}

/** Decides about one call. The caller need not wait for anything that `track` and `publish` do. */
export async function decide(
  context: AdapterContext,
  request: ProtectedRequest,
): Promise<DecidedCall> {
  const sink = createBufferedSink(context.sink);
  const deferred: (() => Promise<unknown>)[] = [];
  const decision = await authorize(
    { ...context, sink, defer: (task) => deferred.push(task) },
    request,
  );
  return {
    decision,
    async track(onFailure) {
      const outcomes = await Promise.allSettled(deferred.splice(0).map((task) => task()));
      for (const outcome of outcomes) if (outcome.status === "rejected") onFailure(outcome.reason);
      return sink.gathered;
    },
    publish: () => sink.flush(),
  };
}
