import { Duration, Fn } from "aws-cdk-lib";
import { Metric, type MetricOptions } from "aws-cdk-lib/aws-cloudwatch";
import type { CfnRule, Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { createAlarm } from "./metrics-and-alarms.ts";

/** Returns a rule target that retries for 24 hours, the maximum, before it uses the dead-letter queue. */
export function addTargetWithRetries(queue: Queue, deadLetterQueue: Queue): SqsQueue {
  return new SqsQueue(queue, {
    deadLetterQueue,
    maxEventAge: Duration.hours(24),
    retryAttempts: 185,
  });
}

/**
 * Returns the number of a rule's lost events, which neither the target nor its dead-letter queue accepted. Doesn't use
 * CDK's metrics, because they omit the bus dimension. The rule's name comes from the ARN, because CDK adds the bus to
 * the name of a rule that isn't on the default bus.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
 */
export function droppedEvents(rule: Rule, options: MetricOptions): Metric {
  const { attrArn, eventBusName } = rule.node.defaultChild as CfnRule;
  // rule/NAME, rule/BUS/NAME, or a partner's rule/aws.partner/example.com/BUS/NAME.
  const index = eventBusName === undefined ? 1 : 1 + eventBusName.split("/").length;
  return new Metric({
    namespace: "AWS/Events",
    metricName: "InvocationsFailedToBeSentToDlq",
    dimensionsMap: {
      ...(eventBusName !== undefined && { EventBusName: eventBusName }),
      RuleName: Fn.select(index, Fn.split("/", attrArn)),
    },
    ...options,
  });
}

/** Creates an alarm that triggers if a queue of undeliverable messages isn't empty. */
export function alarmUndelivered(
  scope: Construct,
  queue: Queue,
  alarmDescription: string,
  alarmTopic: ITopic | undefined,
): void {
  if (!alarmTopic) return;
  createAlarm(scope, "NotDelivered", alarmTopic, {
    alarmDescription,
    metric: queue.metricApproximateNumberOfMessagesVisible({
      period: Duration.minutes(5),
      statistic: "Maximum",
    }),
    threshold: 1,
  });
}
