import type { Timeline } from "../../../local/traffic/world/timeline.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../../shared/core/clock.ts";
import { type CaseAuthor, callFrom, type Scene, spread } from "./labelled-case.ts";
import { address } from "./networks.ts";
import { type EvaluationClient, type EvaluationUser, SCOPES } from "./world.ts";

/** Cases that need IP enrichment. The authors knew the rules when they wrote these cases. */

const TOR_BROWSER = "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0";

interface Person {
  readonly client: EvaluationClient;
  readonly user: EvaluationUser;
}

function someone({ world, random }: Scene): Person {
  const client = random.pick(world.apps);
  return { client, user: random.pick(client.users) };
}

/** Adds a token for the person, and uses it at the given times. */
function session(
  timeline: Timeline,
  { client, user }: Person,
  atMs: number,
  uses: readonly (readonly [afterMinutes: number, ip: string, userAgent?: string])[],
): void {
  const [first] = uses;
  if (!first) return;
  const [, ip, userAgent = user.userAgent] = first;
  const token = timeline.issue(
    atMs - SECOND_MS,
    { clientId: client.id, userId: user.id },
    { scopes: SCOPES, lifetimeMs: 8 * HOUR_MS },
    callFrom(ip, userAgent),
  );
  for (const [minutes, from, agent = user.userAgent] of uses) {
    timeline.use(atMs + minutes * MINUTE_MS, token, callFrom(from, agent));
  }
}

/** Adds the person's calls from home on the days before. */
function atHomeBefore(scene: Scene, person: Person, ip = person.user.ip): void {
  for (let days = 1; days <= 3; days += 1) {
    const atMs = scene.startMs - days * DAY_MS;
    session(
      scene.around,
      person,
      atMs,
      [0, 5, 10, 15, 20, 25, 30].map((minutes) => [minutes, ip] as const),
    );
  }
}

export const ENRICHMENT_BENIGN_CASES: Readonly<Record<string, CaseAuthor>> = {
  /** Users travel overnight. One user's phone continues through the carrier at home. */
  travel_abroad(scene) {
    spread({ startMs: scene.startMs, count: 6, overMs: 5 * HOUR_MS }, (atMs, n) => {
      const person = someone(scene);
      atHomeBefore(scene, person);
      const hotel = address(scene.random, "hotel");
      const roaming = address(scene.random, "mobile");
      session(scene.labelled, person, atMs, [
        [0, n === 0 ? roaming : hotel],
        [20, hotel],
        [40, hotel],
      ]);
    });
  },
  /** Users turn on a VPN for the first time, and turn it off again. */
  first_use_of_a_vpn(scene) {
    spread({ startMs: scene.startMs, count: 6, overMs: 5 * HOUR_MS }, (atMs) => {
      const person = someone(scene);
      atHomeBefore(scene, person);
      const vpn = address(scene.random, "vpn");
      session(scene.labelled, person, atMs, [
        [0, person.user.ip],
        [6, vpn],
        [12, vpn],
        [18, vpn],
        [24, person.user.ip],
      ]);
    });
  },
  /** The users' carrier routes them through gateways in another country from time to time. */
  carrier_gateway_abroad(scene) {
    spread({ startMs: scene.startMs, count: 6, overMs: 4 * HOUR_MS }, (atMs) => {
      const person = someone(scene);
      const home = `172.56.${scene.random.integer(1, 254)}.${scene.random.integer(1, 254)}`;
      atHomeBefore(scene, person, home);
      const gateway = address(scene.random, "gateway");
      session(scene.labelled, person, atMs, [
        [0, home],
        [7, gateway],
        [14, home],
        [21, gateway],
        [28, home],
      ]);
    });
  },
  /** A company's staff starts to use the company's VPN. Its exit is abroad and not known as a VPN. */
  corporate_vpn_abroad(scene) {
    const exit = address(scene.random, "corporate");
    spread({ startMs: scene.startMs, count: 8, overMs: 30 * MINUTE_MS }, (atMs) => {
      const person = someone(scene);
      atHomeBefore(scene, person);
      session(scene.labelled, person, atMs, [
        [0, person.user.ip],
        [5, exit],
        [20, exit],
        [25, person.user.ip],
      ]);
    });
  },
};

export const ENRICHMENT_ATTACK_CASES: Readonly<Record<string, CaseAuthor>> = {
  /** A thief with the password gets a token, with the user's own user agent, while the user is at home. */
  password_used_abroad(scene) {
    const person = someone(scene);
    atHomeBefore(scene, person);
    const own = [-20, -10, 0, 10, 20, 30].map((minutes) => [minutes, person.user.ip] as const);
    session(scene.around, person, scene.startMs, own);
    const ip = address(scene.random, "abroad");
    session(scene.labelled, person, scene.startMs + 5 * MINUTE_MS, [
      [0, ip],
      [4, ip],
      [9, ip],
      [15, ip],
    ]);
  },
  /** During the user's working hours, a thief uses the stolen token and copies the user agent. */
  theft_abroad_by_same_program(scene) {
    const { client, user } = someone(scene);
    atHomeBefore(scene, { client, user });
    const subject = { clientId: client.id, userId: user.id };
    const own = callFrom(user.ip, user.userAgent);
    const life = { scopes: SCOPES, lifetimeMs: 8 * HOUR_MS };
    const token = scene.around.issue(scene.startMs - HOUR_MS, subject, life, own);
    spread({ startMs: scene.startMs - HOUR_MS, count: 10, overMs: 2 * HOUR_MS }, (atMs) => {
      scene.around.use(atMs, token, own);
    });
    const call = callFrom(address(scene.random, "abroad"), user.userAgent);
    spread({ startMs: scene.startMs, count: 3, overMs: 30 * MINUTE_MS }, (atMs) => {
      scene.labelled.use(atMs + 5 * MINUTE_MS, token, call);
    });
  },
  /** Credential guesses through Tor exits, a few per exit. */
  guessing_through_tor(scene) {
    const exits = Array.from({ length: 10 }, () => address(scene.random, "tor"));
    spread({ startMs: scene.startMs, count: 60, overMs: 4 * HOUR_MS }, (atMs, n) => {
      const ip = exits[n % exits.length] as string;
      scene.labelled.fail(atMs, "unknown_token", callFrom(ip, "python-requests/2.31.0"));
    });
  },
  /** A thief with the password comes through Tor while the user is away. */
  password_used_through_tor(scene) {
    const person = someone(scene);
    atHomeBefore(scene, person);
    const exit = address(scene.random, "tor");
    session(scene.labelled, person, scene.startMs, [
      [0, exit, TOR_BROWSER],
      [5, exit, TOR_BROWSER],
      [9, exit, TOR_BROWSER],
    ]);
  },
};
