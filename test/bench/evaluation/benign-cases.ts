import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import { type CaseAuthor, callFrom, type Scene, spread } from "./labelled-case.ts";
import { address, addressIn, household, privacyAddress } from "./networks.ts";
import { type EvaluationUser, SCOPES, serviceCall, usualCall } from "./world.ts";

const pickClientId = ({ world, random }: Scene) => random.pick(world.apps);
const pickService = ({ world, random }: Scene) => random.pick(world.services);
const HOUR_TOKEN = { scopes: SCOPES, lifetimeMs: HOUR_MS };

/** Adds a user's session that calls from the given addresses in turn. */
function session(scene: Scene, atMs: number, addresses: readonly string[], gapMs: number): void {
  const client = pickClientId(scene);
  const user = scene.random.pick(client.users);
  const calls = addresses.map((ip) => ({ ...usualCall(scene.random, client, user), ip }));
  const subject = { clientId: client.id, userId: user.id };
  const token = scene.labelled.issue(atMs, subject, HOUR_TOKEN, calls[0] as (typeof calls)[0]);
  calls.forEach((call, n) => {
    scene.labelled.use(atMs + (n + 1) * gapMs, token, call);
  });
}

/** Adds a sign-in for each of the given users. */
function signIns(scene: Scene, users: readonly EvaluationUser[], clientId: string, overMs: number) {
  const { labelled, startMs } = scene;
  spread({ startMs, count: users.length, overMs }, (atMs, n) => {
    const user = users[n] as EvaluationUser;
    const call = callFrom(user.ip, user.userAgent);
    const token = labelled.issue(atMs, { clientId, userId: user.id }, HOUR_TOKEN, call);
    labelled.use(atMs + 2000, token, call);
  });
}

/** Hard benign cases. Each looks like an attack to some rule but isn't one. */
export const BENIGN_CASES: Readonly<Record<string, CaseAuthor>> = {
  carrier_nat(scene) {
    const ip = address(scene.random, "mobile");
    spread({ startMs: scene.startMs, count: 150, overMs: 4 * HOUR_MS }, (atMs, n) => {
      session(scene, atMs, [ip], 1000);
      if (n % 2 === 0)
        scene.labelled.fail(atMs + 5000, "expired_token", callFrom(ip, "okhttp/4.12.0"));
    });
  },
  rotating_cloud_egress(scene) {
    const client = pickService(scene);
    const { random, labelled, startMs } = scene;
    const lifetimeMs = 6 * HOUR_MS;
    const subject = { clientId: client.id };
    const token = labelled.issue(
      startMs,
      subject,
      { scopes: SCOPES, lifetimeMs },
      serviceCall(random, client),
    );
    spread({ startMs, count: 120, overMs: 5 * HOUR_MS }, (atMs) => {
      labelled.use(atMs, token, { ...serviceCall(random, client), ip: address(random, "aws") });
    });
  },
  cron_job(scene) {
    const client = pickService(scene);
    spread({ startMs: scene.startMs, count: 6, overMs: 6 * HOUR_MS }, (hourMs) => {
      const call = serviceCall(scene.random, client);
      const token = scene.labelled.issue(hourMs, { clientId: client.id }, HOUR_TOKEN, call);
      spread({ startMs: hourMs, count: 20, overMs: MINUTE_MS }, (atMs) => {
        scene.labelled.use(atMs, token, call);
      });
    });
  },
  ci_burst(scene) {
    const client = pickService(scene);
    spread({ startMs: scene.startMs, count: 120, overMs: 20 * MINUTE_MS }, (atMs) => {
      const call = callFrom(address(scene.random, "azure"), client.userAgent);
      const token = scene.labelled.issue(atMs, { clientId: client.id }, HOUR_TOKEN, call);
      scene.labelled.use(atMs + 2000, token, call);
    });
  },
  launch(scene) {
    const client = pickClientId(scene);
    const users = [...client.users, ...client.users].map((user, n) => ({
      ...user,
      id: `${client.id}-new-${n}`,
      ip: address(scene.random, n % 3 === 0 ? "mobile" : "isp"),
    }));
    signIns(scene, users, client.id, 6 * HOUR_MS);
  },
  retry_storm(scene) {
    const client = pickService(scene);
    const call = serviceCall(scene.random, client);
    const held = { clientId: client.id, tokenId: scene.random.uuid(scene.startMs - DAY_MS) };
    spread({ startMs: scene.startMs, count: 300, overMs: 10 * MINUTE_MS }, (atMs) => {
      scene.labelled.fail(atMs, "expired_token", call, held);
    });
  },
  provider_outage(scene) {
    const { world, random, labelled, startMs } = scene;
    spread({ startMs, count: 600, overMs: 25 * MINUTE_MS }, (atMs) => {
      const client = random.pickZipf(world.apps);
      const user = random.pick(client.users);
      labelled.fail(atMs, "expired_token", usualCall(random, client, user), {
        clientId: client.id,
        userId: user.id,
      });
    });
  },
  mass_revocation(scene) {
    const client = pickClientId(scene);
    const { random, labelled, startMs } = scene;
    spread({ startMs, count: 80, overMs: 5 * MINUTE_MS }, (atMs, n) => {
      const user = client.users[n] as EvaluationUser;
      const call = usualCall(random, client, user);
      const subject = { clientId: client.id, userId: user.id };
      const token = labelled.issue(atMs - 30 * MINUTE_MS, subject, HOUR_TOKEN, call);
      labelled.revoke(
        atMs,
        token,
        callFrom(pickService(scene).addresses[0] ?? call.ip, "curl/8.10.1"),
      );
      labelled.fail(atMs + random.between(1, 9) * MINUTE_MS, "revoked_token", call, token);
    });
  },
  vpn_users(scene) {
    spread({ startMs: scene.startMs, count: 20, overMs: 6 * HOUR_MS }, (atMs) => {
      const ips = ["isp", "vpn", "vpn", "isp"] as const;
      session(
        scene,
        atMs,
        ips.map((kind) => address(scene.random, kind)),
        4 * MINUTE_MS,
      );
    });
  },
  dual_stack(scene) {
    spread({ startMs: scene.startMs, count: 20, overMs: 6 * HOUR_MS }, (atMs) => {
      const [v4, v6] = [address(scene.random, "isp"), household(scene.random)];
      session(
        scene,
        atMs,
        [0, 1, 2, 3, 4, 5].map((n) => (n % 2 ? v4 : privacyAddress(scene.random, v6))),
        MINUTE_MS,
      );
    });
  },
  ipv6_privacy_addresses(scene) {
    spread({ startMs: scene.startMs, count: 10, overMs: 3 * HOUR_MS }, (atMs) => {
      const prefix = household(scene.random);
      session(
        scene,
        atMs,
        Array.from({ length: 12 }, () => privacyAddress(scene.random, prefix)),
        3 * MINUTE_MS,
      );
    });
  },
  travellers(scene) {
    spread({ startMs: scene.startMs, count: 12, overMs: 6 * HOUR_MS }, (atMs) => {
      session(
        scene,
        atMs,
        (["isp", "mobile", "isp"] as const).map((kind) => address(scene.random, kind)),
        15 * MINUTE_MS,
      );
    });
  },
  month_end_batch(scene) {
    const client = pickService(scene);
    const call = { ...serviceCall(scene.random, client), endpoint: "/invoices" };
    const token = scene.labelled.issue(scene.startMs, { clientId: client.id }, HOUR_TOKEN, call);
    spread({ startMs: scene.startMs, count: 700, overMs: 50 * MINUTE_MS }, (atMs) => {
      scene.labelled.use(atMs, token, call);
    });
  },
  load_test(scene) {
    const client = pickService(scene);
    const call = serviceCall(scene.random, client);
    spread({ startMs: scene.startMs, count: 200, overMs: 15 * MINUTE_MS }, (atMs) => {
      const token = scene.labelled.issue(atMs, { clientId: client.id }, HOUR_TOKEN, call);
      for (let n = 1; n <= 3; n += 1) scene.labelled.use(atMs + n * 900, token, call);
    });
  },
  health_checks(scene) {
    const ip = address(scene.random, "aws");
    spread({ startMs: scene.startMs, count: 480, overMs: 8 * HOUR_MS }, (atMs) => {
      scene.labelled.fail(atMs, "missing_token", callFrom(ip, "ELB-HealthChecker/2.0", "/health"));
    });
  },
  moved_egress(scene) {
    const client = pickService(scene);
    const ip = address(scene.random, "azure");
    const call = callFrom(ip, client.userAgent);
    const token = scene.labelled.issue(
      scene.startMs,
      { clientId: client.id },
      { scopes: SCOPES, lifetimeMs: 6 * HOUR_MS },
      call,
    );
    spread({ startMs: scene.startMs, count: 40, overMs: 5 * HOUR_MS }, (atMs) => {
      scene.labelled.use(atMs, token, {
        ...call,
        ip: addressIn(scene.random, ip.split(".").slice(0, 3).join(".")),
      });
    });
  },
  faulty_release(scene) {
    const client = pickClientId(scene);
    spread({ startMs: scene.startMs, count: 250, overMs: 2 * HOUR_MS }, (atMs) => {
      const user = scene.random.pick(client.users);
      const subject = { clientId: client.id, userId: user.id };
      scene.labelled.fail(atMs, "malformed_token", usualCall(scene.random, client, user), subject);
    });
  },
};
