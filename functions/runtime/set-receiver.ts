import { busSink } from "../../doors/publishing/event-sink.ts";
import { type Environment, readEnvironment } from "../../shared/config/environment.ts";
import type { TransmitterConfig } from "../../shared/config/signal-parameters.ts";
import type { SetReceiver } from "../../shared/shared-signals/receive-set.ts";
import { SetVerifier } from "../../shared/shared-signals/set-verifier.ts";
import { systemClock } from "../../shared/time/clock.ts";
import { logger } from "./logger.ts";

/** The transmitters of a function's configuration. */
export function transmittersOf({
  OAUTH_MONITORING_CONFIG: config,
}: Pick<Environment, "OAUTH_MONITORING_CONFIG">): readonly TransmitterConfig[] {
  return config.signals?.receiver?.transmitters ?? [];
}

/** What both receivers of SETs need, by push and by poll. */
export function createSetReceiver(): {
  readonly receiver: SetReceiver;
  readonly transmitters: readonly TransmitterConfig[];
} {
  const environment = readEnvironment(process.env, ["EVENT_BUS_NAME", "OAUTH_MONITORING_CONFIG"]);
  const transmitters = transmittersOf(environment);
  return {
    transmitters,
    receiver: {
      verifier: new SetVerifier(transmitters),
      clock: systemClock,
      logger,
      sink: busSink(environment.EVENT_BUS_NAME, logger),
      revoke: async () => {
        throw new Error("no action is configured");
      },
    },
  };
}
