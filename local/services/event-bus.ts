import { randomUUID } from "node:crypto";
import { type BusEvent, EventArchive } from "./event-archive.ts";
import { compilePattern, type EventPattern } from "./event-pattern.ts";
import {
  type DeliveryRejection,
  noCounts,
  type Receiver,
  type RuleCounts,
  RuleTarget,
  type TargetProperties,
} from "./rule-target.ts";
import { ACCOUNT, logicalIdOfArn, REGION, type Template } from "./template.ts";

/** An entry of PutEvents, as the SDK sends it. */
export interface PutEventsEntry {
  readonly Source?: string;
  readonly DetailType?: string;
  readonly Detail?: string;
  readonly EventBusName?: string;
  readonly Time?: number;
  readonly Resources?: readonly string[];
}

interface RuleProperties {
  readonly EventBusName?: string;
  readonly EventPattern?: EventPattern;
  readonly Targets: readonly TargetProperties[];
}

/** PutEvents's result for one entry. */
type EntryAnswer =
  | { readonly EventId: string }
  | { readonly ErrorCode: string; readonly ErrorMessage: string };

/** Limit in every region. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html */
const MAX_ENTRY_BYTES = 256 * 1024;

/** EventBridge's permissions. By default, EventBridge may do everything. */
interface Permissions {
  readonly rejection: DeliveryRejection;
  archiveRejection(archiveArn: string): string | undefined;
}

const EVERYTHING: Permissions = {
  rejection: () => undefined,
  archiveRejection: () => undefined,
};

interface Rule {
  readonly name: string;
  readonly arn: string;
  readonly busName: string;
  readonly matches: (event: unknown) => boolean;
  readonly targets: readonly RuleTarget[];
  readonly counts: RuleCounts;
}

/** The bus that AWS services send their events to. */
const DEFAULT_BUS = "default";

/**
 * The custom bus, the account's default bus, and the partner buses that the template's rules name. Matches events
 * against the rules and sends them to the rules' targets. Events on the custom bus also go to its archives.
 */
export class EventBus {
  readonly #rules: readonly Rule[];
  /** Archives of the custom bus. */
  readonly archives: readonly EventArchive[];
  readonly #disabled = new Set<string>();
  /** Set by tests. While true, every PutEvents call fails. */
  down = false;
  /** Set by tests. PutEvents delay in milliseconds. */
  delayMs = 0;
  /** Called for each accepted entry. */
  onEntry: ((entry: PutEventsEntry) => void) | undefined;

  constructor(
    template: Template,
    receiver: (logicalId: string) => Receiver,
    readonly name: string,
    private readonly permissions: Permissions = EVERYTHING,
  ) {
    this.archives = EventArchive.all(template);
    this.#rules = template
      .resources<RuleProperties>("AWS::Events::Rule")
      .flatMap(({ logicalId, properties: { EventBusName, EventPattern, Targets } }) => {
        if (!EventPattern) return [];
        const arn = template.arn(logicalId);
        const counts = noCounts();
        const rejection: DeliveryRejection = (...delivery) => permissions.rejection(...delivery);
        const targets = Targets.map(
          (target) => new RuleTarget(arn, target, receiver, counts, rejection),
        );
        const busName = EventBusName ?? DEFAULT_BUS;
        const matches = compilePattern(EventPattern);
        return [{ name: logicalId, arn, busName, matches, targets, counts }];
      });
  }

  /** Number of events that wait for a retry. */
  get waiting(): number {
    return this.#rules
      .flatMap(({ targets }) => targets)
      .reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** Returns the CloudWatch metrics of a rule. */
  getCounts(ruleName: string): RuleCounts {
    const rule = this.#rules.find(({ name }) => name === ruleName);
    if (!rule) throw new RangeError(`the rule ${ruleName} does not exist`);
    return rule.counts;
  }

  /** Cancels all retries. */
  close(): void {
    for (const { targets } of this.#rules) for (const target of targets) target.close();
  }

  /** Enables or disables a rule of the custom bus. Returns whether the rule exists. */
  setEnabled(ruleName: string, enabled: boolean): boolean {
    if (enabled) this.#disabled.delete(ruleName);
    else this.#disabled.add(ruleName);
    return this.#rules.some(({ busName, name }) => busName === this.name && name === ruleName);
  }

  put(entry: PutEventsEntry): EntryAnswer {
    const reject = (ErrorCode: string, ErrorMessage: string) => ({ ErrorCode, ErrorMessage });
    const busName = entry.EventBusName ?? DEFAULT_BUS;
    const isOwn = logicalIdOfArn(busName) === this.name;
    const rules = this.#rules.filter((rule) => rule.busName === (isOwn ? this.name : busName));
    if (!isOwn && rules.length === 0) {
      return reject("InvalidArgument", `the event bus ${entry.EventBusName} does not exist`);
    }
    const { Source = "", DetailType = "", Detail = "" } = entry;
    if (Buffer.byteLength(Source + DetailType + Detail) > MAX_ENTRY_BYTES) {
      return reject("ValidationException", "the entry is larger than 256 KB");
    }
    if (!entry.Source || !entry.DetailType) {
      return reject("InvalidArgument", "Source and DetailType are required");
    }
    const detail = parseObject(entry.Detail);
    if (!detail) return reject("MalformedDetail", "Detail is not a JSON object");
    const event: BusEvent = {
      version: "0",
      id: randomUUID(),
      "detail-type": entry.DetailType,
      source: entry.Source,
      account: ACCOUNT,
      time: new Date(entry.Time === undefined ? Date.now() : entry.Time * 1000).toISOString(),
      region: REGION,
      resources: entry.Resources ?? [],
      detail,
    };
    if (isOwn) {
      for (const archive of this.archives) {
        if (this.permissions.archiveRejection(archive.arn) === undefined) archive.take(event);
      }
    }
    this.#hand(event, rules);
    this.onEntry?.(entry);
    return { EventId: event.id };
  }

  /**
   * Sends an event to the custom bus's matching rules.
   *
   * @param ruleArns if set, only these rules receive the event
   */
  deliver(event: BusEvent, ruleArns?: readonly string[]): void {
    const rules = this.#rules.filter(
      ({ arn, busName }) => busName === this.name && (ruleArns?.includes(arn) ?? true),
    );
    this.#hand(event, rules);
  }

  #hand(event: BusEvent, rules: readonly Rule[]): void {
    const message = JSON.stringify(event);
    for (const rule of rules) {
      if (this.#disabled.has(rule.name) || !rule.matches(event)) continue;
      for (const target of rule.targets) target.deliver(message);
    }
  }
}

function parseObject(text: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
