import { Random } from "../../../local/traffic/world/random.ts";
import type { Call } from "../../../local/traffic/world/timeline.ts";
import { HOUR_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import { address, household, privacyAddress } from "./networks.ts";
import type { EvaluationSeed } from "./seeds.ts";

const BROWSERS = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
];
const PHONES = ["okhttp/4.12.0", "ShopApp/7.3.1 CFNetwork/1568.200.51 Darwin/24.1.0"];
const MACHINES = ["python-requests/2.32.3", "Go-http-client/2.0", "axios/1.7.9", "Java/21.0.5"];

export interface EvaluationUser {
  readonly id: string;
  readonly ip: string;
  readonly ipv6Household: string | undefined;
  readonly userAgent: string;
}

export interface EvaluationClient {
  readonly id: string;
  readonly kind: "app" | "service";
  readonly users: readonly EvaluationUser[];
  /** Fixed addresses of a service. */
  readonly addresses: readonly string[];
  readonly userAgent: string;
  readonly endpoints: readonly string[];
  readonly tokenLifetimeMs: number;
  /** Sessions per day for an app, or uses per hour for a service. */
  readonly rate: number;
}

export interface EvaluationWorld {
  readonly apps: readonly EvaluationClient[];
  readonly services: readonly EvaluationClient[];
}

export const APPS = 30;
export const SERVICES = 15;
const USERS_OF_APP = 100;
const ENDPOINTS = ["/orders", "/orders/{id}", "/profile", "/catalog", "/invoices", "/search"];

/** Returns the random stream for one purpose in a seed. Train and test seeds never share a stream. */
export function createRandom(seed: EvaluationSeed, ...purpose: string[]): Random {
  return new Random(seed.number, "evaluation", seed.purpose, ...purpose);
}

/** Creates forty-five clients and three thousand users. */
export function createWorld(seed: EvaluationSeed): EvaluationWorld {
  const random = createRandom(seed, "world");
  const shared = { endpoints: ENDPOINTS, tokenLifetimeMs: HOUR_MS };
  const apps = Array.from({ length: APPS }, (_, n): EvaluationClient => {
    const id = `app-${String(n + 1).padStart(2, "0")}`;
    const users = Array.from({ length: USERS_OF_APP }, (_, m) => createUser(random, `${id}-u${m}`));
    return {
      ...shared,
      id,
      kind: "app",
      users,
      addresses: [],
      userAgent: "",
      rate: 52 / (1 + n / 6),
    };
  });
  const services = Array.from({ length: SERVICES }, (_, n): EvaluationClient => {
    const cloud = random.pick(["aws", "azure"] as const);
    return {
      ...shared,
      id: `service-${String(n + 1).padStart(2, "0")}`,
      kind: "service",
      users: [],
      addresses: Array.from({ length: random.integer(1, 2) }, () => address(random, cloud)),
      userAgent: random.pick(MACHINES),
      rate: random.integer(3, 6),
    };
  });
  return { apps, services };
}

function createUser(random: Random, id: string): EvaluationUser {
  const mobile = random.chance(0.35);
  return {
    id,
    ip: address(random, mobile ? "mobile" : "isp"),
    ipv6Household: !mobile && random.chance(0.3) ? household(random) : undefined,
    userAgent: random.pick(mobile ? PHONES : BROWSERS),
  };
}

/** Returns a typical call by a user. */
export function usualCall(random: Random, client: EvaluationClient, user: EvaluationUser): Call {
  const v6 =
    user.ipv6Household !== undefined && random.chance(0.5) ? user.ipv6Household : undefined;
  return {
    endpoint: random.pickZipf(client.endpoints),
    method: random.chance(0.2) ? "POST" : "GET",
    ip: v6 === undefined ? user.ip : privacyAddress(random, v6),
    userAgent: user.userAgent,
  };
}

/** Returns a typical call by a service. */
export function serviceCall(random: Random, client: EvaluationClient): Call {
  return {
    endpoint: random.pickZipf(client.endpoints),
    method: "GET",
    ip: random.pick(client.addresses),
    userAgent: client.userAgent,
  };
}

/** Pause between a user's calls. */
export const PAUSE_MS = 3 * MINUTE_MS;
export const SCOPES: readonly string[] = ["api:read", "api:write"];
