import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";

/** Alarm properties. `metric`, `threshold` and `alarmDescription` are required. */
export type NewAlarmProps = Pick<AlarmProps, "metric" | "threshold"> & {
  readonly alarmDescription: string;
} & Partial<AlarmProps>;

/** Creates an alarm that notifies the topic when it triggers and when it recovers. */
export function createAlarm(
  scope: Construct,
  id: string,
  topic: ITopic,
  props: NewAlarmProps,
): Alarm {
  const alarm = new Alarm(scope, id, {
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    ...props,
  });
  const action = new SnsAction(topic);
  alarm.addAlarmAction(action);
  alarm.addOkAction(action);
  return alarm;
}
