import { ConditionalCheckFailedException, type ConsumedCapacity } from "@aws-sdk/client-dynamodb";
import {
  PutCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
  type UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { PATIENT, type World } from "./world.ts";

/**
 * Adds the units of transactions to `world.traffic`. DynamoDB Local reports none for transactions, so this writes their
 * items one by one and counts the table's units twice, as AWS bills them. Also counts the unit of a failed condition.
 */
export function meterTransactions({ db, endpoint, traffic }: World): void {
  const single = createDocumentClient("interactive", { endpoint, requestHandler: PATIENT });
  const write = async (item: NonNullable<TransactWriteCommandInput["TransactItems"]>[number]) => {
    const { Put, Update } = item;
    const ReturnConsumedCapacity = "INDEXES";
    const { ConsumedCapacity: units } = await (Put
      ? single.send(new PutCommand({ ...Put, ReturnConsumedCapacity }))
      : single.send(
          new UpdateCommand({ ...(Update as UpdateCommandInput), ReturnConsumedCapacity }),
        ));
    traffic.writeUnits += billed(units);
  };
  db.middlewareStack.add(
    (next) => async (args) => {
      const { TransactItems } = args.input as Partial<TransactWriteCommandInput>;
      if (!TransactItems) {
        return next(args).catch((error: unknown) => {
          if (error instanceof ConditionalCheckFailedException) traffic.writeUnits += 1;
          throw error;
        });
      }
      traffic.roundTrips += 1;
      for (const item of TransactItems) await write(item);
      return { output: { $metadata: {} }, response: undefined };
    },
    { step: "initialize", name: "meterTransactions", priority: "high" },
  );
}

/** Index writes aren't transactional, so they are billed once. */
function billed({ CapacityUnits = 0, Table }: ConsumedCapacity = {}): number {
  return CapacityUnits + (Table?.CapacityUnits ?? 0);
}
