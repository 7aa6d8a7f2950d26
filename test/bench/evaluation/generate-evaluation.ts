import { type DraftEvent, toEvents } from "../../../local/traffic/world/timeline.ts";
import { DAY_MS, HOUR_MS } from "../../../shared/core/clock.ts";
import { toEnrichmentData } from "../../../shared/events/ip-enrichment.ts";
import type { OAuthEvent } from "../../../shared/events/oauth-event.ts";
import { ATTACK_CASES } from "./attack-cases.ts";
import { BENIGN_CASES } from "./benign-cases.ts";
import { ENRICHMENT_ATTACK_CASES, ENRICHMENT_BENIGN_CASES } from "./enrichment-cases.ts";
import { type CaseLabel, playCase } from "./labelled-case.ts";
import { getEvaluationEnrichment } from "./networks.ts";
import { ordinaryTraffic } from "./ordinary-traffic.ts";
import { PROVIDER_ATTACK_CASES, PROVIDER_BENIGN_CASES } from "./provider-cases.ts";
import type { EvaluationSeed, SeedPurpose } from "./seeds.ts";
import { createRandom, createWorld } from "./world.ts";

/** A Tuesday, after a week of history. */
export const TEST_DAY_MS = Date.parse("2026-12-01T00:00:00.000Z");
export const TEST_DAY_END_MS = TEST_DAY_MS + DAY_MS;
export const HISTORY_DAYS = 7;

export interface EvaluationTraffic<Purpose extends SeedPurpose> {
  readonly seed: EvaluationSeed<Purpose>;
  /** Sorted by time. */
  readonly events: readonly OAuthEvent[];
  readonly labels: readonly CaseLabel[];
}

/** Adds the IP enrichment that a stored event would have. */
function withEnrichment(event: OAuthEvent): OAuthEvent {
  const enrichment = getEvaluationEnrichment(event.event_data.ip);
  return enrichment === undefined
    ? event
    : { ...event, event_data: { ...event.event_data, ...toEnrichmentData(enrichment) } };
}

/**
 * Generates a week of ordinary days, and a test day with every hard benign case and every attack once.
 *
 * @param options.enrichment whether to add IP enrichment; the events are otherwise identical
 */
export function generateEvaluation<Purpose extends SeedPurpose>(
  seed: EvaluationSeed<Purpose>,
  { enrichment = true }: { readonly enrichment?: boolean } = {},
): EvaluationTraffic<Purpose> {
  const world = createWorld(seed);
  const fromMs = TEST_DAY_MS - HISTORY_DAYS * DAY_MS;
  const drafts: DraftEvent[] = ordinaryTraffic(seed, world, { fromMs, toMs: TEST_DAY_END_MS });
  const labels: CaseLabel[] = [];
  const random = createRandom(seed, "starts");
  for (const [kind, cases] of [
    ["benign", BENIGN_CASES],
    ["attack", ATTACK_CASES],
    ["benign", PROVIDER_BENIGN_CASES],
    ["attack", PROVIDER_ATTACK_CASES],
    ["benign", ENRICHMENT_BENIGN_CASES],
    ["attack", ENRICHMENT_ATTACK_CASES],
  ] as const) {
    for (const [name, author] of Object.entries(cases)) {
      // The longest case takes ten hours. A case's earliest event can be three hours before the case starts.
      const startMs = TEST_DAY_MS + random.between(4, 13) * HOUR_MS;
      const played = playCase(seed, world, { name, kind, startMs }, author);
      drafts.push(...played.drafts);
      labels.push(played.label);
    }
  }
  const events = toEvents(drafts.filter(({ atMs }) => atMs < TEST_DAY_END_MS));
  return { seed, events: enrichment ? events.map(withEnrichment) : events, labels };
}
