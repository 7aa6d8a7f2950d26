import { type AuthorizerContext, authorize } from "../../shared/authorization/authorize.ts";
import type { Decision } from "../../shared/authorization/decision.ts";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { createBufferedSink } from "../../shared/events/event-sink.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";

/** The dependencies of a decision. `sink` receives the events after the response. */
export type AdapterContext = Omit<AuthorizerContext, "defer">;

/** A decision, with the work that can run after the response. */
export interface DecidedCall {
  readonly decision: Decision;
  /**
   * Runs the deferred work and returns the events that `publish` will send.
   *
   * @param onFailure called with the error of each failed task
   */
  track(onFailure: (error: unknown) => void): Promise<readonly OAuthEvent[]>;
  /** Publishes the events. Rejects if they could be neither published nor spooled. */
  publish(): Promise<void>;
}

/** Decides whether to allow a call. The response doesn't have to wait for `track` or `publish`. */
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
