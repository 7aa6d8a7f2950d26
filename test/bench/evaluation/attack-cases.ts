import type { Call, TrafficToken } from "../../../local/traffic/world/timeline.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import { type CaseAuthor, callFrom, type Scene, spread } from "./labelled-case.ts";
import { address, addressIn, getNetworkPrefix } from "./networks.ts";
import { SCOPES, serviceCall, usualCall } from "./world.ts";

const THIEF = "python-requests/2.31.0";
const pickClientId = ({ world, random }: Scene) => random.pick(world.apps);
const pickService = ({ world, random }: Scene) => random.pick(world.services);

/** Adds a user's token and the owner's calls, which do not belong to the attack. */
function victim(scene: Scene, ownUses: number): { token: TrafficToken; call: Call } {
  const client = pickClientId(scene);
  const user = scene.random.pick(client.users);
  const call = { ...usualCall(scene.random, client, user), ip: user.ip };
  const lifetimeMs = 8 * HOUR_MS;
  const fromMs = scene.startMs - HOUR_MS;
  const subject = { clientId: client.id, userId: user.id };
  const token = scene.around.issue(fromMs, subject, { scopes: SCOPES, lifetimeMs }, call);
  spread({ startMs: fromMs, count: ownUses, overMs: 10 * MINUTE_MS * ownUses }, (atMs) => {
    scene.around.use(atMs, token, call);
  });
  return { token, call };
}

/** A thief makes calls with the token. The owner either makes 12 calls and is still active, or stops after 5. */
const theft =
  ({
    own,
    uses,
    from,
  }: {
    own: number;
    uses: number;
    from: (scene: Scene, call: Call) => string;
  }): CaseAuthor =>
  (scene) => {
    const { token, call } = victim(scene, own);
    const ip = from(scene, call);
    spread({ startMs: scene.startMs, count: uses, overMs: uses * MINUTE_MS }, (atMs) => {
      scene.labelled.use(atMs, token, callFrom(ip, THIEF));
    });
  };

/** Calls with unknown tokens. */
const stuffing =
  ({
    tries,
    overMs,
    from,
  }: {
    tries: number;
    overMs: number;
    from: (scene: Scene) => () => string;
  }): CaseAuthor =>
  (scene) => {
    const ip = from(scene);
    spread({ startMs: scene.startMs, count: tries, overMs }, (atMs) => {
      scene.labelled.fail(atMs, "unknown_token", callFrom(ip(), THIEF));
    });
  };

const probing =
  (count: number, overMs: number): CaseAuthor =>
  (scene) => {
    const { token, call } = victim(scene, 5);
    spread({ startMs: scene.startMs, count, overMs }, (atMs, n) => {
      scene.labelled.exceedScope(atMs, token, [`admin:${n}`], { ...call, endpoint: `/admin/${n}` });
    });
  };

const secretLeak =
  (tokens: number, overMs: number): CaseAuthor =>
  (scene) => {
    const client = pickService(scene);
    const call = callFrom(address(scene.random, "hosting"), client.userAgent);
    spread({ startMs: scene.startMs, count: tokens, overMs }, (atMs) => {
      const token = scene.labelled.issue(
        atMs,
        { clientId: client.id },
        { scopes: SCOPES, lifetimeMs: HOUR_MS },
        call,
      );
      scene.labelled.use(atMs + 3000, token, call);
    });
  };

const scraping =
  (count: number, overMs: number, endpoint: (n: number) => string): CaseAuthor =>
  (scene) => {
    const { token, call } = victim(scene, 3);
    spread({ startMs: scene.startMs, count, overMs }, (atMs, n) => {
      scene.labelled.use(atMs, token, { ...call, endpoint: endpoint(n) });
    });
  };

/** Issues many tokens for a client, either for other clients' users or for the client itself. */
const issuance =
  (count: number, ofOtherClients: boolean): CaseAuthor =>
  (scene) => {
    const client = ofOtherClients ? scene.world.apps[29] : pickService(scene);
    const clientId = client?.id ?? "app-30";
    spread({ startMs: scene.startMs, count, overMs: 2 * HOUR_MS }, (atMs) => {
      const user = scene.random.pick(pickClientId(scene).users);
      const subject = { clientId, ...(ofOtherClients && { userId: user.id }) };
      const ip = ofOtherClients ? user.ip : (client?.addresses[0] ?? user.ip);
      const call = callFrom(ip, ofOtherClients ? user.userAgent : (client?.userAgent ?? THIEF));
      scene.labelled.issue(atMs, subject, { scopes: SCOPES, lifetimeMs: HOUR_MS }, call);
    });
  };

/** The attacks, in variants. */
export const ATTACK_CASES: Readonly<Record<string, CaseAuthor>> = {
  theft_in_own_network: theft({
    own: 12,
    uses: 30,
    from: ({ random }, { ip }) => addressIn(random, getNetworkPrefix(ip)),
  }),
  theft_after_victim_stopped: theft({
    own: 5,
    uses: 30,
    from: ({ random }) => address(random, "hosting"),
  }),
  theft_single_use: theft({ own: 12, uses: 1, from: ({ random }) => address(random, "vpn") }),
  theft_in_same_cloud(scene) {
    const client = pickService(scene);
    const call = serviceCall(scene.random, client);
    const lifetimeMs = 6 * HOUR_MS;
    const token = scene.around.issue(
      scene.startMs - HOUR_MS,
      { clientId: client.id },
      { scopes: SCOPES, lifetimeMs },
      call,
    );
    scene.around.use(scene.startMs - MINUTE_MS, token, call);
    const ip = addressIn(scene.random, getNetworkPrefix(call.ip));
    spread({ startMs: scene.startMs, count: 30, overMs: HOUR_MS }, (atMs) => {
      scene.labelled.use(atMs, token, callFrom(ip, THIEF));
    });
  },
  stuffing_one_address: stuffing({
    tries: 300,
    overMs: 30 * MINUTE_MS,
    from: ({ random }) => {
      const ip = address(random, "hosting");
      return () => ip;
    },
  }),
  stuffing_one_24: stuffing({
    tries: 300,
    overMs: HOUR_MS,
    from: ({ random }) => {
      const network = address(random, "hosting").split(".").slice(0, 3).join(".");
      return () => addressIn(random, network);
    },
  }),
  stuffing_residential_proxies: stuffing({
    tries: 400,
    overMs: 2 * HOUR_MS,
    from: ({ random }) => {
      const ips = Array.from({ length: 200 }, () => address(random, "isp"));
      let n = 0;
      return () => ips[n++ % ips.length] as string;
    },
  }),
  stuffing_low_and_slow: stuffing({
    tries: 60,
    overMs: 10 * HOUR_MS,
    from: ({ random }) => {
      const ip = address(random, "vpn");
      return () => ip;
    },
  }),
  scope_probing_fast: probing(60, 10 * MINUTE_MS),
  scope_probing_slow: probing(16, 5 * HOUR_MS),
  secret_leak_modest: secretLeak(6, 5 * HOUR_MS),
  secret_leak_big: secretLeak(150, HOUR_MS),
  scraping_fast: scraping(900, 30 * MINUTE_MS, () => "/catalog"),
  scraping_under_limits: scraping(240, 6 * HOUR_MS, () => "/catalog"),
  enumeration: scraping(200, 2 * HOUR_MS, (n) => `/orders/${1000 + n}`),
  session_of_another_user_agent(scene) {
    const { token, call } = victim(scene, 12);
    spread({ startMs: scene.startMs, count: 20, overMs: HOUR_MS }, (atMs) => {
      scene.labelled.use(atMs, token, { ...call, userAgent: "curl/8.10.1" });
    });
  },
  consent_phishing: issuance(60, true),
  runaway_issuance: issuance(500, false),
  dead_tokens_retried(scene) {
    const call = callFrom(address(scene.random, "hosting"), THIEF);
    spread({ startMs: scene.startMs, count: 60, overMs: 30 * MINUTE_MS }, (atMs) => {
      const client = pickClientId(scene);
      const user = scene.random.pick(client.users);
      const subject = { clientId: client.id, userId: user.id };
      const own = usualCall(scene.random, client, user);
      const token = scene.around.issue(
        atMs - 3 * HOUR_MS,
        subject,
        { scopes: SCOPES, lifetimeMs: 8 * HOUR_MS },
        own,
      );
      scene.around.revoke(atMs - 2 * HOUR_MS, token, own);
      scene.labelled.fail(atMs, "revoked_token", call, token);
    });
  },
  dormant_token_revived(scene) {
    const client = pickService(scene);
    const call = serviceCall(scene.random, client);
    const lifetimeMs = 30 * DAY_MS;
    const issuedMs = scene.startMs - 7 * DAY_MS;
    const token = scene.around.issue(
      issuedMs,
      { clientId: client.id },
      { scopes: SCOPES, lifetimeMs },
      call,
    );
    scene.around.use(issuedMs + MINUTE_MS, token, call);
    const from = callFrom(address(scene.random, "hosting"), THIEF);
    spread({ startMs: scene.startMs, count: 20, overMs: HOUR_MS }, (atMs) => {
      scene.labelled.use(atMs, token, from);
    });
  },
};
