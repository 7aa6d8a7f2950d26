import { setImmediate as nextTurn } from "node:timers/promises";
import type { EventArchive } from "./event-archive.ts";
import type { EventBus } from "./event-bus.ts";
import { ServiceError } from "./service-error.ts";
import { getArn } from "./template.ts";

/** The input of StartReplay, as the SDK sends it. Times are in epoch seconds. */
export interface StartReplayInput {
  readonly ReplayName: string;
  readonly EventSourceArn: string;
  readonly EventStartTime: number;
  readonly EventEndTime: number;
  readonly Destination: { readonly Arn: string; readonly FilterArns?: readonly string[] };
}

/** The output of DescribeReplay. */
interface Replay extends StartReplayInput {
  readonly ReplayArn: string;
  readonly ReplayStartTime: number;
  State: "STARTING" | "RUNNING" | "COMPLETED" | "FAILED";
  StateReason?: string;
  EventLastReplayedTime?: number;
  ReplayEndTime?: number;
}

/** Number of events that a replay delivers before it yields to other work. */
const AT_ONCE = 100;

const nowSeconds = () => Date.now() / 1000;

/**
 * Replays events from the bus's archives. A replay sends the archived events in a time range to the bus's rules again,
 * with the replay's name in the field `replay-name`.
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_StartReplay.html
 */
export class EventReplays {
  readonly #replays = new Map<string, Replay>();

  constructor(private readonly bus: EventBus) {}

  /**
   * Starts a replay, which continues in the background.
   *
   * @throws ServiceError
   */
  start(input: StartReplayInput): Pick<Replay, "ReplayArn" | "State" | "ReplayStartTime"> {
    const { ReplayName, EventStartTime, EventEndTime, Destination } = input;
    const archive = this.bus.archives.find(({ arn }) => arn === input.EventSourceArn);
    if (!archive) {
      throw new ServiceError(
        "ResourceNotFoundException",
        `Archive ${input.EventSourceArn} does not exist.`,
      );
    }
    if (this.#replays.has(ReplayName)) {
      throw new ServiceError(
        "ResourceAlreadyExistsException",
        `Replay ${ReplayName} already exists.`,
      );
    }
    const reject = (message: string) => new ServiceError("ValidationException", message);
    if (!(EventStartTime < EventEndTime)) {
      throw reject("EventStartTime must be before EventEndTime.");
    }
    if (!Destination.Arn.endsWith(`:event-bus/${archive.busName}`)) {
      throw reject("Events are replayed only to the bus that the archive was made for.");
    }
    const replay: Replay = {
      ...input,
      ReplayArn: getArn("events", `replay/${ReplayName}`),
      ReplayStartTime: nowSeconds(),
      State: "STARTING",
    };
    this.#replays.set(ReplayName, replay);
    const { ReplayArn, ReplayStartTime, State } = replay;
    void this.#run(replay, archive);
    return { ReplayArn, ReplayStartTime, State };
  }

  /** @throws ServiceError */
  describe(name: string): Replay {
    const replay = this.#replays.get(name);
    if (!replay) {
      throw new ServiceError("ResourceNotFoundException", `Replay ${name} does not exist.`);
    }
    return replay;
  }

  async #run(replay: Replay, archive: EventArchive): Promise<void> {
    const { ReplayName, EventStartTime, EventEndTime, Destination } = replay;
    const events = archive.between(EventStartTime * 1000, EventEndTime * 1000);
    try {
      for (const [index, event] of events.entries()) {
        if (index % AT_ONCE === 0) await nextTurn();
        replay.State = "RUNNING";
        this.bus.deliver({ ...event, "replay-name": ReplayName }, Destination.FilterArns);
        replay.EventLastReplayedTime = Date.parse(event.time) / 1000;
      }
      replay.State = "COMPLETED";
    } catch (error) {
      replay.State = "FAILED";
      replay.StateReason = String(error);
    }
    replay.ReplayEndTime = nowSeconds();
  }
}
