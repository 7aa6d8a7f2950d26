import { type Adapter, CALL_ID } from "./adapters.ts";
import { type Call, generateCalls, knownAttacks, plainCalls } from "./calls.ts";
import { RawClient } from "./raw-client.ts";
import { type AppRoute, getName, ROUTES } from "./routes.ts";
import type { Scene } from "./scene.ts";

/** A call whose handler ran although a different route's rule decided. */
export interface Bypass {
  readonly call: string;
  readonly route: string;
  readonly status: number;
  readonly reason: string;
}

export interface Report {
  readonly adapter: string;
  readonly seed: number;
  readonly calls: number;
  /** Number of calls whose handler ran. */
  readonly handled: number;
  readonly bypasses: readonly Bypass[];
  /** Routes that did not run for a regular call with the right token. */
  readonly unreached: readonly string[];
}

/** Number of concurrent connections. */
const CONNECTIONS = 4;

/** The outcome of a call. */
export interface Outcome {
  readonly status: number;
  /** Routes whose handlers ran. At most one, unless the backend itself is wrong. */
  readonly ran: readonly AppRoute[];
  /** Scopes that the decision required, or undefined if the call was denied. */
  readonly required: readonly string[] | undefined;
}

/** Sends calls to an adapter without normalizing their paths, and returns the outcomes. */
export async function makeCalls(
  adapter: Adapter,
  scene: Scene,
  calls: readonly Call[],
): Promise<Outcome[]> {
  const ran = new Map<string, AppRoute[]>();
  const getId = (index: number) => `${adapter.name} #${index}`;
  const running = await adapter.start(scene, (id, route) => {
    ran.set(id, [...(ran.get(id) ?? []), route]);
  });
  const texts = new Map(scene.tokens.map(({ name, text }) => [name, text]));
  const statuses: number[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const client = new RawClient(running.port);
      while (next < calls.length) {
        const index = next;
        next += 1;
        const { method, target, token, withSession, headers } = calls[index] as Call;
        const request = {
          method,
          target,
          headers: {
            host: "api.example.com",
            authorization: `Bearer ${texts.get(token)}`,
            [CALL_ID]: getId(index),
            ...(withSession && { "mcp-session-id": scene.session }),
            ...headers,
          },
        };
        statuses[index] = await client.send(request);
        // There was no decision, because the store was too slow on a busy machine. Try again.
        if (statuses[index] === 503) statuses[index] = await client.send(request);
      }
      client.close();
    }),
  );
  await running.flush();
  await running.close();
  return calls.map((_, index) => ({
    status: statuses[index] ?? 0,
    ran: ran.get(getId(index)) ?? [],
    required: scene.requiredBy(getId(index)),
  }));
}

/** Returns why a route must not have run for a call, or undefined if it was right. */
export function wrongDecision(
  route: AppRoute,
  call: Call,
  required: readonly string[] | undefined,
  { tokens }: Scene,
): string | undefined {
  const token = tokens.find(({ name }) => name === call.token);
  if (!token?.scopes.includes(route.scope)) return `the token lacks ${route.scope}`;
  if (route.acr && !token.strong) return `the user did not sign in with ${route.acr}`;
  if (route.session && !call.withSession) return "there is no session";
  if (!required) return "no event says that the call was allowed";
  if (!required.includes(route.scope)) {
    return `the decision required ${required.join(" ") || "nothing"}, not ${route.scope}`;
  }
  return undefined;
}

const shown = ({ method, target, token, withSession, headers }: Call) => {
  const short = target.length > 200 ? `${target.slice(0, 200)}… (${target.length})` : target;
  const more = [
    ...(withSession ? ["session"] : []),
    ...Object.entries(headers).map((h) => h.join(": ")),
  ];
  return `${method} ${JSON.stringify(short)} with ${[token, ...more].join(", ")}`;
};

/**
 * Sends regular calls, known attacks and generated calls to an adapter, and compares each decision with the route that
 * ran.
 */
export async function runDifferential(
  adapter: Adapter,
  scene: Scene,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<Report> {
  const plain = plainCalls(adapter.prefix);
  const attacks = knownAttacks(adapter.prefix).map(({ call }) => call);
  const calls = [...plain, ...attacks, ...generateCalls(adapter.prefix, count, seed)];
  const outcomes = await makeCalls(adapter, scene, calls);
  const bypasses = outcomes.flatMap(({ status, ran, required }, index) => {
    const call = calls[index] as Call;
    return ran.flatMap((route) => {
      const reason = wrongDecision(route, call, required, scene);
      return reason ? [{ call: shown(call), route: getName(route), status, reason }] : [];
    });
  });
  const unreached = ROUTES.filter(
    (route, index) =>
      !outcomes[index]?.ran.includes(route) && !adapter.unreachable?.includes(route.scope),
  );
  return {
    adapter: adapter.name,
    seed,
    calls: calls.length,
    handled: outcomes.filter(({ ran }) => ran.length > 0).length,
    bypasses,
    unreached: unreached.map(getName),
  };
}
