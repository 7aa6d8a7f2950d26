import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

/** A rule's target that EventBridge tries for as long as it can, and then puts the event aside. */
export function patientTarget(queue: Queue, deadLetterQueue: Queue): SqsQueue {
  return new SqsQueue(queue, {
    deadLetterQueue,
    maxEventAge: Duration.hours(24),
    retryAttempts: 185,
  });
}

/** Tells people when something lies in a queue of what could not be delivered. */
export function alarmUndelivered(
  scope: Construct,
  queue: Queue,
  alarmDescription: string,
  alarmTopic: ITopic | undefined,
): void {
  if (!alarmTopic) return;
  new Alarm(scope, "NotDelivered", {
    alarmDescription,
    metric: queue.metricApproximateNumberOfMessagesVisible({
      period: Duration.minutes(5),
      statistic: "Maximum",
    }),
    threshold: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  }).addAlarmAction(new SnsAction(alarmTopic));
}
