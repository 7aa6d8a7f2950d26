import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import type { TransmitterSettings } from "../../shared/config/signal-parameters.ts";
import { giveUpAfter, retryRejected } from "../../shared/core/aws-calls.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { IncompleteRequestError } from "../../shared/core/errors.ts";
import type { DuePush, SetTransmitter } from "../../shared/integrations/shared-signals/transmit.ts";

/** Maximum messages per SendMessageBatch call. */
const ENTRIES = 10;

/** Adds pushes to the delivery queue, one message each. */
function pushQueue(queueUrl: string): SetTransmitter["schedule"] {
  const sqs = new SQSClient({ requestHandler: giveUpAfter(3000) });
  async function sendOnce(pushes: readonly DuePush[]): Promise<[DuePush[], string]> {
    const { Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: pushes.map((push, index) => ({
          Id: String(index),
          MessageBody: JSON.stringify(push),
        })),
      }),
    );
    const rejected = new Set(Failed.map(({ Id }) => Id));
    return [pushes.filter((_, index) => rejected.has(String(index))), Failed[0]?.Message ?? ""];
  }
  return async (pushes) => {
    for (let first = 0; first < pushes.length; first += ENTRIES) {
      const [rejected, reason] = await retryRejected(
        pushes.slice(first, first + ENTRIES),
        sendOnce,
      );
      if (rejected.length > 0) {
        throw new IncompleteRequestError(
          `the queue rejected ${rejected.length} push(es): ${reason}`,
        );
      }
    }
  };
}

/** Creates the SET transmitter from the function's environment. */
export function createSetTransmitter(): SetTransmitter {
  const environment = readEnvironment(withConfigFile(process.env), [
    "SIGNALS_TABLE",
    "SIGNAL_ISSUER",
    "SIGNAL_PUSH_QUEUE_URL",
    "OAUTH_MONITORING_CONFIG",
  ]);
  return {
    store: {
      db: createDocumentClient("background"),
      signalsTable: environment.SIGNALS_TABLE,
    },
    clock: systemClock,
    issuer: environment.SIGNAL_ISSUER,
    settings: environment.OAUTH_MONITORING_CONFIG.signals?.transmitter as TransmitterSettings,
    schedule: pushQueue(environment.SIGNAL_PUSH_QUEUE_URL),
  };
}
