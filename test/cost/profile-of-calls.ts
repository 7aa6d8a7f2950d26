import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { SECOND_MS } from "../../shared/core/clock.ts";
import { type UsageProfile, usageProfile } from "../../shared/cost/usage-profile.ts";
import { networkOf } from "../../shared/events/ip-network.ts";
import type { TrafficCall } from "./traffic-calls.ts";

const share = <T>(items: readonly T[], is: (item: T) => boolean) =>
  items.length === 0 ? 0 : items.filter(is).length / items.length;

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** Returns the cost model's input for a set of calls, to compare the model with the counted cost. */
export function profileOfCalls(
  calls: readonly TrafficCall[],
  callsPerSecond: number,
  config: MonitoringConfigInput = {},
): UsageProfile {
  const isGood = ({ standing }: TrafficCall) => standing === "good";
  const good = calls.filter(isGood);
  const failed = calls.filter((call) => !isGood(call));
  const tokens = new Set(good.map(({ token }) => token?.tokenId));
  const users = new Set(good.map(({ token }) => token?.userId ?? token?.tokenId));
  const firsts = share(good, ({ token }) => token?.before === undefined);
  const used = good.flatMap(({ token, ip }) => (token?.before ? [{ ...token.before, ip }] : []));
  const spacings = good.flatMap(({ token }) => (token?.before ? [token.before.agoMs] : []));
  const agent = mean(calls.map(({ userAgent }) => Buffer.byteLength(userAgent)));
  const moved = good.filter(
    ({ token, ip }) => token?.before && networkOf(token.before.ip) !== networkOf(ip),
  );
  return usageProfile({
    callsPerSecond,
    config,
    failures: share(calls, (call) => !isGood(call)),
    unknownFailures: share(failed, ({ token }) => token === undefined),
    clients: new Set(calls.map(({ token }) => token?.clientId)).size,
    users: Math.max(1, users.size),
    callsPerToken: firsts > 0 ? 1 / firsts : good.length / Math.max(1, tokens.size),
    moves: used.length === 0 ? 0 : moved.length / used.length,
    secondsBetweenUses: mean(spacings) / SECOND_MS,
    userAgentBytes: Math.round(agent),
  });
}
