import { deployedEnvironment } from "../../local/start/library-context.ts";
import { forEachTable, tableContextKey, tableLabel } from "../../shared/core/tables.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { openTarget } from "../../shared/stack/open-stack.ts";
import type { Scene } from "./stack.ts";

/** Returns the stack as the CLI sees it. */
export function stackTarget({ stack, library }: Pick<Scene, "stack" | "library">) {
  const environment = deployedEnvironment(stack);
  return openTarget({
    tables: forEachTable(tableLabel, (variable) => library[tableContextKey(variable)]),
    eventBusName: environment.EVENT_BUS_NAME,
    eventBusArn: stack.replay.busArn,
    storedRuleArn: stack.replay.storedRuleArn,
    archiveArn: stack.replay.archiveArn,
    bufferQueueUrl: stack.queueUrl("Buffer"),
    deadLetterQueueUrl: environment.DEAD_LETTER_QUEUE_URL,
    config: library.config,
    dynamodb: { ...LOCAL_ACCESS, endpoint: stack.dynamodbEndpoint },
    messaging: { ...LOCAL_ACCESS, endpoint: stack.eventbridgeEndpoint },
  });
}
