import { readFileSync } from "node:fs";
import * as z from "zod";
import {
  InvalidConfigError,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import type { ProviderMapping } from "../../shared/config/provider-parameters.ts";
import { type Clock, toInstant } from "../../shared/core/clock.ts";
import {
  jsonValues,
  printable,
  printableJson,
  type Report,
  table,
} from "../../shared/core/terminal.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { mappedProvider } from "../../shared/integrations/providers/mapped-provider.ts";
import {
  eventsOfBatch,
  type ProviderAdapter,
  type ProviderMessage,
  toOAuthEvent,
} from "../../shared/integrations/providers/provider-adapter.ts";
import { KNOWN_PROVIDERS } from "../../shared/integrations/providers/provider-adapters.ts";

/** The options of `providers try`. */
export interface TryOptions {
  readonly mapping?: string;
  readonly provider?: string;
}

/** Thrown if a file or an option can't be used. */
export class UnusableInputError extends Error {}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UnusableInputError(
      code === "ENOENT" ? `the file ${file} does not exist` : `${file} cannot be read: ${code}`,
    );
  }
}

/** Parses a single JSON value, an array, or JSON Lines. */
function valuesIn(text: string, file: string): readonly unknown[] {
  const values = jsonValues(
    text,
    (line) =>
      new UnusableInputError(
        `line ${line} of ${file} is not valid JSON. Give one event, a list of events, or one event per line`,
      ),
  );
  return values.length === 1 ? values.flat() : values;
}

/** An EventBridge message. Any other value is treated as a message's `detail`. */
const messageSchema = z.looseObject({
  source: z.string(),
  "detail-type": z.string(),
  id: z.string().default(""),
  time: z.string().optional(),
  detail: z.unknown(),
});

function toMessage(value: unknown, clock: Clock): ProviderMessage {
  const message = messageSchema.safeParse(value).data;
  const time = toInstant(clock());
  return message ? { time, ...message } : bare(value, time);
}

const bare = (detail: unknown, time: string): ProviderMessage => ({
  source: "",
  "detail-type": "",
  id: "",
  time,
  detail,
});

/** Reads a mapping from a file, or all mappings from a complete configuration. */
function mappingsIn(file: string): readonly ProviderMapping[] {
  const [value] = valuesIn(readText(file), file);
  const inConfig = z
    .looseObject({ providers: z.looseObject({ mappings: z.array(z.unknown()) }) })
    .safeParse(value).data?.providers.mappings;
  const mappings = inConfig ?? [value];
  try {
    return parseMonitoringConfig({ providers: { mappings } } as MonitoringConfigInput).providers
      .mappings;
  } catch (error) {
    if (error instanceof InvalidConfigError) throw new UnusableInputError(error.message);
    throw error;
  }
}

/**
 * Returns the adapters that can convert the events. Without a selected adapter, the source in each message selects one.
 */
function readersOf({ mapping, provider }: TryOptions): {
  readonly adapters: readonly ProviderAdapter[];
  readonly only: ProviderAdapter | undefined;
} {
  if (mapping !== undefined && provider !== undefined) {
    throw new UnusableInputError("--mapping and --provider exclude each other. Give only one");
  }
  if (mapping !== undefined) {
    try {
      const adapters = mappingsIn(mapping).map(mappedProvider);
      return { adapters, only: adapters.length === 1 ? adapters[0] : undefined };
    } catch (error) {
      if (error instanceof InvalidConfigError) throw new UnusableInputError(error.message);
      throw error;
    }
  }
  const only = KNOWN_PROVIDERS.find(({ name }) => name === provider);
  if (provider !== undefined && !only) {
    const names = KNOWN_PROVIDERS.map(({ name }) => name).join(", ");
    throw new UnusableInputError(
      `--provider must be one of ${names}. For other providers use --mapping`,
    );
  }
  return { adapters: KNOWN_PROVIDERS, only };
}

/** Describes the conversion of one event. */
function described(event: OAuthEvent): string[] {
  const { event_data, event_type, oauth_client_id, user_id, occurred_at } = event;
  return [
    event_data.provider_event_type,
    event_type,
    event_data.outcome,
    occurred_at,
    oauth_client_id,
    user_id,
    event_data.ip,
  ].map((value) => printable(String(value ?? "-")));
}

/**
 * `providers try`: shows how a provider's events would be stored, without storing them.
 *
 * @throws UnusableInputError if the file, the mapping or the provider can't be used
 */
export function providersTry(file: string, options: TryOptions, clock: Clock): Report {
  const { adapters, only } = readersOf(options);
  const events = valuesIn(readText(file), file).flatMap((value, index) => {
    const message = toMessage(value, clock);
    const adapter = only ?? adapters.find(({ serves }) => serves(message));
    if (adapter) return eventsOfBatch(adapter, message) ?? toOAuthEvent(adapter, message);
    throw new UnusableInputError(
      `the provider of event ${index + 1} is unknown. Set --provider or --mapping`,
    );
  });
  const [first] = events;
  if (first === undefined) return { json: { events }, text: "No events found." };
  const rows = events.map(described);
  return {
    json: { events },
    text: `${table(["CODE", "TYPE", "OUTCOME", "TIME", "CLIENT", "USER", "IP"], rows)}\n\nThe first event, as it would be stored:\n${printableJson(first)}`,
  };
}
