import { authorize, loadOtherIssuers } from "../../shared/authorization/authorize.ts";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { createWorld } from "./store.ts";

/** Creates a world whose authorizer trusts other issuers. Published events are kept in memory and stored on demand. */
export async function tokenScene(
  config: MonitoringConfigInput,
  readSecret: (arn: string) => Promise<string> = async () => "secret",
) {
  const world = await createWorld(config);
  const store = world.context.sink;
  const deferred: (() => Promise<unknown>)[] = [];
  const published: typeof world.published = [];
  const otherIssuers = await loadOtherIssuers(world.context.config, {
    clock: world.clock,
    readSecret,
    canGiveNonces: true,
  });
  world.traffic.reset();
  const context = {
    ...world.context,
    otherIssuers,
    sink: { publish: async (events: typeof published) => void published.push(...events) },
    defer: (task: () => Promise<unknown>) => void deferred.push(task),
  };
  const decide = (token: string, over: Partial<ProtectedRequest> = {}) =>
    authorize(context as never, {
      method: "GET",
      path: "/api/data",
      url: "https://api.example.com/api/data",
      authorization: [`Bearer ${token}`],
      ip: "203.0.113.9",
      requestId: "r-1",
      ...over,
    });
  const afterAnswer = () => Promise.all(deferred.splice(0).map((task) => task()));
  const call = async (token: string, over: Partial<ProtectedRequest> = {}) => {
    const decision = await decide(token, over);
    await afterAnswer();
    return decision;
  };
  /** Returns why the call was denied, or else the outcome. */
  const verdict = async (token: string, over: Partial<ProtectedRequest> = {}) => {
    const decision = await call(token, over);
    return "reason" in decision ? decision.reason : decision.outcome;
  };
  return {
    ...world,
    world,
    /** The context that an adapter uses. */
    adapter: { ...world.context, otherIssuers },
    published,
    decide,
    afterAnswer,
    call,
    verdict,
    /** Stores the events published so far, as the subscriber would. */
    storePublished: () => store.publish(published.splice(0)),
    ofType: (type: string) => published.filter(({ event_type }) => event_type === type),
    nowSeconds: () => Math.floor(world.time.nowMs / 1000),
  };
}
