import middy from "@middy/core";
import type {
  FirehoseTransformationEvent,
  FirehoseTransformationEventRecord,
  FirehoseTransformationResult,
  FirehoseTransformationResultRecord,
} from "aws-lambda";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { addEnrichment } from "../../shared/integrations/ip-enrichment/ip-enricher.ts";
import { getPartition, toOcsfEvent } from "../../shared/integrations/ocsf/to-ocsf-event.ts";
import {
  loadAdapters,
  parseBusMessage,
} from "../../shared/integrations/providers/provider-adapters.ts";
import { logger } from "../runtime/logger.ts";
import { openEnrichment } from "../runtime/open-enrichment.ts";

const { OAUTH_MONITORING_CONFIG: config, IP_ENRICHMENT_BUCKET: bucket } = readEnvironment(
  withConfigFile(process.env),
  ["OAUTH_MONITORING_CONFIG", "IP_ENRICHMENT_BUCKET"],
);
const adapters = await loadAdapters(config.providers.mappings);
// Events arrive directly from the bus, so they have no IP enrichment yet.
const { enricher, refresh } = await openEnrichment({
  parameters: config.ipEnrichment,
  bucket,
  clock: systemClock,
  logger,
});

function transform({
  recordId,
  data,
}: FirehoseTransformationEventRecord): FirehoseTransformationResultRecord {
  const message = parseBusMessage(Buffer.from(data, "base64").toString("utf8"), adapters);
  if ("reason" in message) {
    logger.warn("A record doesn't contain an event; Firehose writes it to the error prefix", {
      record_id: recordId,
      reason: message.reason,
    });
    return { recordId, result: "ProcessingFailed", data };
  }
  // Dropped, because the subscriber publishes each record in a batch as a separate event, and those events are
  // exported.
  if ("batch" in message) return { recordId, result: "Dropped", data };
  const event = toOcsfEvent(addEnrichment(message.event, enricher), { serviceName: config.realm });
  return {
    recordId,
    result: "Ok",
    // One line per event: Firehose adds no separator between records.
    data: Buffer.from(`${JSON.stringify(event)}\n`).toString("base64"),
    metadata: { partitionKeys: getPartition(event) },
  };
}

/**
 * Converts each event to a line of OCSF JSON with partition keys.
 * https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html
 */
export const handler = middy<FirehoseTransformationEvent, FirehoseTransformationResult>().handler(
  async ({ records }) => {
    const refreshed = refresh();
    const transformed = records.map(transform);
    await refreshed;
    return { records: transformed };
  },
);
