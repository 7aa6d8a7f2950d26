import { HOUR_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import type { CountRule } from "./run-detectors.ts";

const named = (kind: string, value: unknown) =>
  typeof value === "string" ? `${kind} ${value}` : undefined;

/** Fixed thresholds for every subject, as a detector without history would use. */
export const FIXED_THRESHOLDS: readonly CountRule[] = [
  {
    name: "fixed: 100 failures per address and hour",
    windowMs: HOUR_MS,
    threshold: 100,
    matches: ({ event_type }) => event_type === "auth_failed",
    groupBy: ({ event_data }) => named("ip", event_data.ip),
  },
  {
    name: "fixed: 200 failures per client and hour",
    windowMs: HOUR_MS,
    threshold: 200,
    matches: ({ event_type }) => event_type === "auth_failed",
    groupBy: ({ oauth_client_id }) => named("client", oauth_client_id),
  },
  {
    name: "fixed: 100 tokens per client and hour",
    windowMs: HOUR_MS,
    threshold: 100,
    matches: ({ event_type }) => event_type === "token_issued",
    groupBy: ({ oauth_client_id }) => named("client", oauth_client_id),
  },
  {
    name: "fixed: a token from 2 addresses within 5 minutes",
    windowMs: 5 * MINUTE_MS,
    threshold: 2,
    matches: ({ event_type }) => event_type === "token_used",
    groupBy: ({ event_data }) => named("token", event_data.token_id),
    distinct: ({ event_data }) => named("ip", event_data.ip),
  },
  {
    name: "fixed: a token with 2 user agents within an hour",
    windowMs: HOUR_MS,
    threshold: 2,
    matches: ({ event_type }) => event_type === "token_used",
    groupBy: ({ event_data }) => named("token", event_data.token_id),
    distinct: ({ event_data }) => named("agent", event_data.user_agent),
  },
];
