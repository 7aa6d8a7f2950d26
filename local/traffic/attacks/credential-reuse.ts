import { MINUTE_MS } from "../../../shared/core/clock.ts";
import { address } from "../world/networks.ts";
import { tokenCall } from "../world/timeline.ts";
import { type Attack, busyUser } from "./attack.ts";

/** Credential reuse: an authorization code or refresh token is redeemed a second time, so an attacker has a copy. */
export const credentialReuse: Attack = (scene) => {
  const { random, timeline, startMs } = scene;
  const { client, user } = busyUser(scene);
  const reason = random.pick(["authorization_code_reused", "refresh_token_reused"]);
  const tries = random.integer(2, 4);
  const endMs = startMs + random.integer(2, 8) * MINUTE_MS;
  const call = tokenCall(address(random, "foreign"), "curl/8.14.1");
  for (let n = 0; n < tries; n += 1) {
    const atMs = startMs + (n / (tries - 1)) * (endMs - startMs);
    timeline.fail(atMs, reason, call, { clientId: client.clientId, userId: user.userId });
  }
  return {
    subject: { kind: "user", id: user.userId },
    startMs,
    endMs,
    description: `${reason} ${tries} times for one user`,
  };
};
