import { busSink } from "../../adapters/events/event-sink.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { hasActions, type TransmitterConfig } from "../../shared/config/signal-parameters.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import type { EventSink } from "../../shared/events/event-sink.ts";
import type {
  SetOutcome,
  SetReceiver,
} from "../../shared/integrations/shared-signals/receive-set.ts";
import type { SetError } from "../../shared/integrations/shared-signals/security-event-token.ts";
import { SetVerifier } from "../../shared/integrations/shared-signals/set-verifier.ts";
import type { SignalRevocation } from "../../shared/integrations/shared-signals/signal-response.ts";
import type { ActionContext } from "../../shared/response/complete-action.ts";
import { takeAction } from "../../shared/response/take-action.ts";
import { revokeNamedToken, TokenNotFoundError } from "../../shared/tokens/revoke-token.ts";
import { logger } from "./logger.ts";
import type { FunctionMetrics } from "./metrics.ts";
import { ACTING_TABLES, readTables } from "./read-tables.ts";

/** Metric names by `err` code (RFC 8935, section 2.4). */
const REJECTED = {
  invalid_request: "InvalidRequest",
  invalid_key: "InvalidKey",
  invalid_issuer: "InvalidIssuer",
  invalid_audience: "InvalidAudience",
  authentication_failed: "AuthenticationFailed",
  access_denied: "AccessDenied",
} as const satisfies Record<SetError, string>;

/** Counts the outcome of a SET: accepted, deferred until it is delivered again, or rejected with an `err` code. */
export function countSet(
  metrics: Pick<FunctionMetrics<"signal-receiver">, "count">,
  outcome: SetOutcome,
): void {
  if (outcome === "accepted") metrics.count("SetsAccepted", 1);
  else if (outcome === "deferred") metrics.count("SetsDeferred", 1);
  else {
    metrics.count("SetsRejected", 1);
    metrics.count(REJECTED[outcome], 1);
  }
}

const MODES = { enforce: "take", propose: "propose", dry_run: "dry_run" } as const;

/** Client ID for an unknown token, if the signal doesn't name a client. */
const UNKNOWN_CLIENT = "unknown";

type Acting = ActionContext & { readonly config: MonitoringConfig };

function openActions(config: MonitoringConfig, sink: EventSink): Acting {
  return {
    db: createDocumentClient("interactive"),
    ...readTables(...ACTING_TABLES),
    config,
    sink,
    clock: systemClock,
  };
}

/** Takes the action that a signal requests. */
async function answerSignal(context: Acting, revocation: SignalRevocation): Promise<void> {
  const { target, reason, transmitter, mode, named, issuedBefore, idempotencyKey } = revocation;
  try {
    await takeAction(context, {
      kind: "revoke",
      target,
      reason,
      actor: { kind: "receiver", id: transmitter },
      mode: MODES[mode],
      idempotencyKey,
      // A single token is revoked regardless of when it was issued.
      ...(target.kind !== "token" && { issuedBefore }),
    });
  } catch (error) {
    if (!(error instanceof TokenNotFoundError) || !named || mode !== "enforce") throw error;
    // The token hasn't been used here yet. Storing the revocation denies its first use.
    const { issuer, jti, clientId = UNKNOWN_CLIENT } = named;
    await revokeNamedToken(context, { issuer, jti, clientId });
  }
}

/**
 * Creates the SET receiver, for push and poll.
 *
 * @param serves whether the function accepts SETs from a transmitter
 * @param onOutcome called with the outcome of each SET
 */
export function createSetReceiver(
  serves: (transmitter: TransmitterConfig) => boolean,
  onOutcome: (outcome: SetOutcome) => void,
): {
  readonly receiver: SetReceiver;
  readonly transmitters: readonly TransmitterConfig[];
} {
  const { EVENT_BUS_NAME, OAUTH_MONITORING_CONFIG: config } = readEnvironment(
    withConfigFile(process.env),
    ["EVENT_BUS_NAME", "OAUTH_MONITORING_CONFIG"],
  );
  const transmitters = (config.signals?.receiver?.transmitters ?? []).filter(serves);
  const sink = busSink(EVENT_BUS_NAME, logger);
  // Without actions in the configuration, the function has no access to the tables that actions change.
  const context = hasActions(transmitters) ? openActions(config, sink) : undefined;
  return {
    transmitters,
    receiver: {
      verifier: new SetVerifier(transmitters),
      clock: systemClock,
      logger,
      sink,
      onOutcome,
      revoke: async (revocation) => {
        if (!context) throw new Error("the configuration has no action for the signal");
        await answerSignal(context, revocation);
      },
    },
  };
}
