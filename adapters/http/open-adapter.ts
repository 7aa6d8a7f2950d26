import { loadOtherIssuers } from "../../shared/authorization/authorize.ts";
import { StoredDenyList } from "../../shared/authorization/stored-deny-list.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import type { Logger } from "../../shared/core/telemetry.ts";
import type { EventSpool } from "../../shared/events/event-publisher.ts";
import { busSink } from "../events/event-sink.ts";
import type { AdapterContext } from "./decide.ts";

/** The environment variables of an adapter. */
export type AdapterEnvironment = Readonly<Record<string, string | undefined>>;

/** Options of `openAdapter`. */
export interface OpenAdapterOptions {
  /** The variables of `OAuthMonitoring.environment`. */
  readonly environment: AdapterEnvironment;
  readonly logger: Logger;
  /** Called with the number of events that were spooled because the bus failed. */
  readonly onSpooled?: (count: number) => void;
  /**
   * Whether the adapter sends 401 and 403 responses itself and can therefore include a DPoP nonce.
   *
   * @default false
   */
  readonly canGiveNonces?: boolean;
}

/**
 * Connects an adapter to the tables, the event bus and the queue for spooled events. Region and credentials come
 * from the environment.
 *
 * @throws InvalidConfigError naming each missing or invalid variable
 */
export async function openAdapter({
  environment,
  logger,
  onSpooled,
  canGiveNonces,
}: OpenAdapterOptions): Promise<AdapterContext> {
  const variables = readEnvironment(environment, [
    "TOKENS_TABLE",
    "SESSIONS_TABLE",
    "CREDENTIALS_TABLE",
    "DENY_LIST_TABLE",
    "EVENT_BUS_NAME",
    "UNPUBLISHED_QUEUE_URL",
    "OAUTH_MONITORING_CONFIG",
  ]);
  const config = variables.OAUTH_MONITORING_CONFIG;
  let queue: EventSpool | undefined;
  const db = createDocumentClient("call");
  const denyListTable = variables.DENY_LIST_TABLE;
  return {
    db,
    tokensTable: variables.TOKENS_TABLE,
    sessionsTable: variables.SESSIONS_TABLE,
    credentialsTable: variables.CREDENTIALS_TABLE,
    config,
    logger,
    clock: systemClock,
    denyList: new StoredDenyList({ db, denyListTable }),
    otherIssuers: await loadOtherIssuers(config, { clock: systemClock, canGiveNonces }),
    sink: busSink(variables.EVENT_BUS_NAME, logger, {
      async keep(events) {
        // Loaded when the bus first fails, to keep cold starts short.
        const { openUnpublishedQueue } = await import("../../shared/events/unpublished-queue.ts");
        queue ??= openUnpublishedQueue(variables.UNPUBLISHED_QUEUE_URL);
        await queue.keep(events);
        onSpooled?.(events.length);
      },
    }),
  };
}
