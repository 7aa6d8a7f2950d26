import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/core/clock.ts";
import { address } from "./world/networks.ts";
import type { TrafficClient } from "./world/population.ts";
import { Random } from "./world/random.ts";
import { arrivals, MACHINES, OFFICES } from "./world/rhythm.ts";
import { type DraftEvent, Timeline, type TrafficToken } from "./world/timeline.ts";

interface NoiseOptions {
  readonly seed: number;
  readonly fromMs: number;
  readonly toMs: number;
}

const SCANNERS_A_DAY = 12;
const SCANNED = ["/.env", "/api/v1/users", "/wp-login.php", "/api/swagger.json", "/actuator/env"];
const SCANNER_AGENTS = ["zgrab/0.x", "Mozilla/5.0 (compatible; CensysInspect/1.1)", "curl/8.14.1"];

/** Adds scanners: addresses that probe a few paths and then move on to other hosts. */
function scanners(random: Random, { fromMs, toMs }: NoiseOptions): DraftEvent[] {
  const timeline = new Timeline(random);
  const perDay = SCANNERS_A_DAY;
  for (const startMs of arrivals(random, { fromMs, toMs, perDay, rhythm: MACHINES })) {
    const ip = address(random, "foreign");
    const userAgent = random.pick(SCANNER_AGENTS);
    let atMs = startMs;
    for (let probes = random.integer(1, 5); probes > 0; probes -= 1) {
      const endpoint = random.pick(SCANNED);
      timeline.fail(atMs, "missing_token", { endpoint, method: "GET", ip, userAgent });
      atMs += random.between(0.3, 20) * SECOND_MS;
    }
  }
  return timeline.drafts;
}

const MISCONFIGURED_RUNS_A_DAY = 2;

/** Adds a partner's job that keeps trying to delete with a read-only token. */
function misconfigured(
  random: Random,
  client: TrafficClient,
  { fromMs, toMs }: NoiseOptions,
): DraftEvent[] {
  const timeline = new Timeline(random);
  const from = { ip: client.addresses[0] as string, userAgent: client.userAgent };
  const perDay = MISCONFIGURED_RUNS_A_DAY;
  for (const atMs of arrivals(random, { fromMs, toMs, perDay, rhythm: OFFICES })) {
    const life = { scopes: ["api:read"], lifetimeMs: HOUR_MS };
    const token = timeline.issue(atMs, { clientId: client.clientId }, life, from);
    for (let tries = random.integer(1, 2); tries > 0; tries -= 1) {
      const triedMs = atMs + random.between(1, 60) * SECOND_MS;
      const call = { endpoint: "/api/orders", method: "DELETE", ...from };
      timeline.exceedScope(triedMs, token, ["api:write"], call);
    }
  }
  return timeline.drafts;
}

const WEEK_MS = 7 * DAY_MS;
/** The epoch started on a Thursday. This is its first Monday, 02:00. */
const FIRST_MONDAY_MS = 4 * DAY_MS + 2 * HOUR_MS;

/** Adds a service's job that runs every Monday night with a token that is valid for a year. */
function weeklyJob(
  random: Random,
  client: TrafficClient,
  { fromMs, toMs }: NoiseOptions,
): DraftEvent[] {
  const timeline = new Timeline(random);
  const ip = client.addresses[0] as string;
  const firstMs = FIRST_MONDAY_MS + Math.ceil((fromMs - FIRST_MONDAY_MS) / WEEK_MS) * WEEK_MS;
  const issuedMs = firstMs - 12 * WEEK_MS;
  const token: TrafficToken = {
    clientId: client.clientId,
    tokenId: random.uuid(issuedMs),
    scopes: ["api:read"],
    issuedMs,
    expiresMs: issuedMs + 52 * WEEK_MS,
    usedBefore: { atMs: firstMs - WEEK_MS + 18 * MINUTE_MS, ip },
  };
  for (let runMs = firstMs; runMs < toMs; runMs += WEEK_MS) {
    for (let uses = random.integer(12, 20); uses > 0; uses -= 1) {
      timeline.use(runMs + random.between(0, 20) * MINUTE_MS, token, {
        endpoint: "/api/reports/weekly",
        method: "GET",
        ip,
        userAgent: client.userAgent,
      });
    }
  }
  return timeline.drafts;
}

/** Returns the harmless failures and oddities that every API has. */
export function backgroundNoise(
  clients: readonly TrafficClient[],
  options: NoiseOptions,
): DraftEvent[] {
  const stream = (name: string) => new Random(options.seed, "noise", name);
  const settled = clients.filter(({ firstMs }) => firstMs < options.fromMs);
  const getLast = (kind: TrafficClient["kind"]) => settled.findLast((each) => each.kind === kind);
  const partner = getLast("partner");
  const service = getLast("service");
  return [
    ...scanners(stream("scanners"), options),
    ...(partner ? misconfigured(stream("misconfigured"), partner, options) : []),
    ...(service ? weeklyJob(stream("weekly job"), service, options) : []),
  ];
}
