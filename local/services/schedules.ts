import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { TooManyRequests } from "./lambda-environment.ts";
import type { LambdaFunctions } from "./lambda-functions.ts";
import { ACCOUNT, getArn, logicalIdOfArn, REGION, type Template } from "./template.ts";

interface ScheduledRuleProperties {
  readonly ScheduleExpression?: string;
  readonly Targets: readonly { readonly Arn: string; readonly Input?: string }[];
}

/** A scheduled rule of the template. */
interface LocalSchedule {
  readonly name: string;
  readonly expression: string;
  readonly functionName: string;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

function periodMs(expression: string): number {
  const [, count, unit = ""] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined) {
    throw new Error(`the local stack supports only rate(…) schedules, not ${expression}`);
  }
  return Number(count) * unitMs;
}

/** Backoff delays for throttled asynchronous invocations, and the maximum time that Lambda retries. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 300_000;
const LONGEST_AGE_MS = 6 * 3_600_000;

/** Runs the template's scheduled rules, on their timers and on demand. */
export class Schedules {
  readonly #schedules: readonly LocalSchedule[];
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(
    template: Template,
    private readonly functions: LambdaFunctions,
    log: (line: string) => void,
  ) {
    this.#schedules = template
      .resources<ScheduledRuleProperties>("AWS::Events::Rule")
      .flatMap(({ logicalId, properties: { ScheduleExpression, Targets } }) => {
        const [target] = Targets;
        if (ScheduleExpression === undefined || !target) return [];
        return [
          {
            name: scheduleName(logicalId),
            expression: ScheduleExpression,
            functionName: logicalIdOfArn(target.Arn),
          },
        ];
      });
    for (const { name, expression } of this.#schedules) {
      const timer = setInterval(() => {
        this.run(name).catch((error) => log(`schedule ${name} failed: ${error}`));
      }, periodMs(expression));
      this.#timers.push(timer.unref());
    }
  }

  list(): readonly LocalSchedule[] {
    return this.#schedules;
  }

  /**
   * Runs a schedule now and returns its function's result.
   *
   * @param more fields to add to EventBridge's event
   */
  async run(name: string, more: object = {}): Promise<unknown> {
    const schedule = this.#schedules.find((candidate) => candidate.name === name);
    if (!schedule) throw new RangeError(`the schedule ${name} does not exist`);
    return this.#invoke(schedule.functionName, {
      version: "0",
      id: randomUUID(),
      source: "aws.events",
      account: ACCOUNT,
      region: REGION,
      resources: [getArn("events", `rule/${schedule.name}`)],
      "detail-type": "Scheduled Event",
      // EventBridge omits fractions of a second.
      time: new Date().toISOString().replace(/\.\d+/, ""),
      detail: {},
      ...more,
    });
  }

  /**
   * Invokes a function asynchronously. Throttled invocations are retried with backoff.
   * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
   */
  async #invoke(functionName: string, event: object): Promise<unknown> {
    const endMs = Date.now() + LONGEST_AGE_MS;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      try {
        return await this.functions.invoke(functionName, event);
      } catch (error) {
        if (!(error instanceof TooManyRequests) || Date.now() + waitMs > endMs) throw error;
        await sleep(waitMs, undefined, { ref: false });
      }
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}

/** Returns the construct ID of a rule: `OAuthMonitoringSchedulesCleanupFB18256C` → `cleanup`. */
function scheduleName(logicalId: string): string {
  const id = logicalId.replace(/[0-9A-F]{8}$/, "");
  const words = id.split("Schedules").at(-1) ?? id;
  return words.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase();
}
