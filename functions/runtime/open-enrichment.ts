import { setTimeout as sleep } from "node:timers/promises";
import type { EnrichmentParameters } from "../../shared/config/enrichment-parameters.ts";
import type { Clock } from "../../shared/core/clock.ts";
import type { Logger } from "../../shared/core/telemetry.ts";
import { IpEnricher } from "../../shared/integrations/ip-enrichment/ip-enricher.ts";

/** IP enrichment with databases that are kept current. */
interface OpenEnrichment {
  readonly enricher: IpEnricher;
  /** Fetches databases that are due for an update. Never throws. */
  refresh(): Promise<void>;
}

/** Dependencies of `openEnrichment`. */
interface OpenEnrichmentOptions {
  readonly parameters: EnrichmentParameters;
  /** The bucket of the databases, if any. */
  readonly bucket: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Maximum time to wait for databases during initialization, which Lambda limits to ten seconds. */
const LONGEST_START_MS = 7000;

/**
 * Opens the configured networks and the databases. A database that takes longer than seven seconds finishes loading in
 * the background. The S3 client and the database reader are imported only if the configuration lists databases.
 */
export async function openEnrichment({
  parameters: { networks, databases },
  bucket,
  clock,
  logger,
}: OpenEnrichmentOptions): Promise<OpenEnrichment> {
  if (databases.length === 0 || bucket === undefined) {
    return { enricher: new IpEnricher(networks), refresh: async () => {} };
  }
  const { bucketFiles } = await import("../../shared/integrations/ip-enrichment/bucket-files.ts");
  const { DatabaseFiles } = await import(
    "../../shared/integrations/ip-enrichment/database-files.ts"
  );
  const files = new DatabaseFiles({ names: databases, store: bucketFiles(bucket), clock, logger });
  const started = new AbortController();
  await Promise.race([
    files.refresh(),
    sleep(LONGEST_START_MS, undefined, { signal: started.signal }).catch(() => {}),
  ]);
  started.abort();
  return { enricher: new IpEnricher(networks, files), refresh: () => files.refresh() };
}
