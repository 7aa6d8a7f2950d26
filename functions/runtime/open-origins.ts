import { setTimeout as sleep } from "node:timers/promises";
import type { OriginParameters } from "../../shared/config/origin-parameters.ts";
import type { Clock } from "../../shared/core/clock.ts";
import type { Logger } from "../../shared/core/logger.ts";
import { Origins } from "../../shared/integrations/ip-enrichment/origins.ts";

/** What finds the origins of addresses, and keeps its databases current. */
export interface OpenOrigins {
  readonly origins: Origins;
  /** Fetches the databases that are due. It never throws. */
  refresh(): Promise<void>;
}

/** What `openOrigins` works with. */
export interface OpenOriginsOptions {
  readonly parameters: OriginParameters;
  /** The bucket of the databases; undefined where there are none. */
  readonly bucket: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long the start of the function waits for databases: of its ten seconds, most. */
const LONGEST_START_MS = 7000;

/**
 * Opens the declared networks and the databases. What S3 has not brought after seven seconds comes while batches are
 * stored. The client of S3 and the reader of databases are loaded only where there are databases.
 */
export async function openOrigins({
  parameters: { networks, databases },
  bucket,
  clock,
  logger,
}: OpenOriginsOptions): Promise<OpenOrigins> {
  if (databases.length === 0 || bucket === undefined) {
    return { origins: new Origins(networks), refresh: async () => {} };
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
  return { origins: new Origins(networks, files), refresh: () => files.refresh() };
}
