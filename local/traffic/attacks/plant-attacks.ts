import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import type { TrafficClient } from "../world/population.ts";
import { Random } from "../world/random.ts";
import { type DraftEvent, Timeline } from "../world/timeline.ts";
import { ATTACKS, type Attack, type AttackLabel, type AttackName } from "./attack.ts";
import {
  credentialReuse,
  credentialStuffing,
  distributedStuffing,
  lowAndSlow,
  scopeProbing,
} from "./failed-calls.ts";
import {
  dormantToken,
  newNetwork,
  revokedTokenUse,
  runawayIssuer,
  tokenTheft,
} from "./token-misuse.ts";

const PLANS: Record<AttackName, Attack> = {
  credential_stuffing: credentialStuffing,
  distributed_stuffing: distributedStuffing,
  token_theft: tokenTheft,
  scope_probing: scopeProbing,
  runaway_issuer: runawayIssuer,
  low_and_slow: lowAndSlow,
  revoked_token_use: revokedTokenUse,
  credential_reuse: credentialReuse,
  dormant_token: dormantToken,
  new_network: newNetwork,
};

/** Hours of the day at which attacks start, far enough apart that they do not overlap. */
const SLOTS = [1.5, 4, 13, 14.5, 16, 17.5, 19, 20.5, 22];
/** This attack lasts ten hours, so it must start early. */
const LOW_AND_SLOW_SLOT = 2.5;
/** The token is revoked hours before the attack, on the same day. */
const EARLIEST_REVOKED_USE_SLOT = 13;
const JITTER_MS = 30 * MINUTE_MS;

function chooseSlots(random: Random): Map<AttackName, number> {
  const slots = random.shuffled(SLOTS);
  const late = slots.findIndex((slot) => slot >= EARLIEST_REVOKED_USE_SLOT);
  const [revokedUseSlot] = slots.splice(late, 1);
  return new Map(
    ATTACKS.map((attack) => {
      if (attack === "low_and_slow") return [attack, LOW_AND_SLOW_SLOT];
      if (attack === "revoked_token_use") return [attack, revokedUseSlot as number];
      return [attack, slots.pop() as number];
    }),
  );
}

/** Plants each attack once in the day that starts at `dayStartMs`. The seed determines the times. */
export function plantAttacks(options: {
  readonly seed: number;
  readonly day: number;
  readonly dayStartMs: number;
  readonly clients: readonly TrafficClient[];
  readonly issuedPerHour: (clientId: string) => number;
}): { readonly drafts: DraftEvent[]; readonly labels: AttackLabel[] } {
  const { seed, day, dayStartMs, clients, issuedPerHour } = options;
  const ofDay = new Random(seed, "attacks", day);
  const slots = chooseSlots(ofDay);
  const draw = ofDay.integer(0, 99);
  const planted = ATTACKS.map((attack) => {
    const random = new Random(seed, "attack", attack, day);
    const timeline = new Timeline(random);
    const slotMs = (slots.get(attack) as number) * HOUR_MS;
    const startMs = Math.floor(dayStartMs + slotMs + random.between(0, JITTER_MS));
    const finding = PLANS[attack]({ random, timeline, startMs, clients, draw, issuedPerHour });
    const label: AttackLabel = { id: `${attack}-day-${day + 1}`, attack, ...finding };
    return { drafts: timeline.drafts, label };
  });
  return {
    drafts: planted.flatMap(({ drafts }) => drafts),
    labels: planted.map(({ label }) => label).sort((a, b) => a.startMs - b.startMs),
  };
}

/** Returns the mean number of tokens issued to a client per hour, in traffic without attacks. */
export function usualIssuance(
  drafts: readonly DraftEvent[],
  days: number,
): (clientId: string) => number {
  const issued = new Map<string, number>();
  for (const { eventType, subject } of drafts) {
    if (eventType !== "token_issued" || subject.clientId === undefined) continue;
    issued.set(subject.clientId, (issued.get(subject.clientId) ?? 0) + 1);
  }
  return (clientId) => ((issued.get(clientId) ?? 0) * HOUR_MS) / (days * DAY_MS);
}
