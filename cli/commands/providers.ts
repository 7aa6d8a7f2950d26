import * as z from "zod";
import {
  InvalidConfigError,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import type { ProviderMapping } from "../../shared/config/provider-parameters.ts";
import { systemClock, toInstant } from "../../shared/core/clock.ts";
import { jsonValues, printableJson, type Report } from "../../shared/core/terminal.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { mappedProvider } from "../../shared/integrations/providers/mapped-provider.ts";
import {
  eventsOfBatch,
  type ProviderAdapter,
  type ProviderMessage,
  toOAuthEvent,
} from "../../shared/integrations/providers/provider-adapter.ts";
import { KNOWN_PROVIDERS } from "../../shared/integrations/providers/provider-adapters.ts";
import { readBytes } from "../program/options.ts";
import { type ReportCommand, tableOr, UsageError } from "../program/report-command.ts";

interface TryOptions {
  readonly mapping?: string;
  readonly provider?: string;
}

/** Reads a single JSON value, an array, or JSON Lines. */
function valuesIn(file: string): readonly unknown[] {
  const values = jsonValues(
    readBytes(file).toString(),
    (line) =>
      new UsageError(
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

function toMessage(value: unknown): ProviderMessage {
  const message = messageSchema.safeParse(value).data;
  const time = toInstant(systemClock());
  return message
    ? { time, ...message }
    : { source: "", "detail-type": "", id: "", time, detail: value };
}

/** Reads a mapping from a file, or all mappings from a complete configuration. */
function mappingsIn(file: string): readonly ProviderMapping[] {
  const [value] = valuesIn(file);
  const inConfig = z
    .looseObject({ providers: z.looseObject({ mappings: z.array(z.unknown()) }) })
    .safeParse(value).data?.providers.mappings;
  const providers = { mappings: inConfig ?? [value] };
  return parseMonitoringConfig({ providers } as MonitoringConfigInput).providers.mappings;
}

/**
 * Returns the adapters that can convert the events. Without a selected adapter, the source in each message selects one.
 */
function createReaders({ mapping, provider }: TryOptions): {
  readonly adapters: readonly ProviderAdapter[];
  readonly only: ProviderAdapter | undefined;
} {
  if (mapping !== undefined && provider !== undefined) {
    throw new UsageError("--mapping and --provider exclude each other. Give only one");
  }
  if (mapping !== undefined) {
    try {
      const adapters = mappingsIn(mapping).map(mappedProvider);
      return { adapters, only: adapters.length === 1 ? adapters[0] : undefined };
    } catch (error) {
      if (error instanceof InvalidConfigError) throw new UsageError(error.message);
      throw error;
    }
  }
  const only = KNOWN_PROVIDERS.find(({ name }) => name === provider);
  if (provider !== undefined && !only) {
    const names = KNOWN_PROVIDERS.map(({ name }) => name).join(", ");
    throw new UsageError(`--provider must be one of ${names}. For other providers use --mapping`);
  }
  return { adapters: KNOWN_PROVIDERS, only };
}

/** Describes the conversion of one event in a table row. */
function getRow(event: OAuthEvent): string[] {
  const { event_data, event_type, oauth_client_id, user_id, occurred_at } = event;
  return [
    event_data.provider_event_type,
    event_type,
    event_data.outcome,
    occurred_at,
    oauth_client_id,
    user_id,
    event_data.ip,
  ].map((value) => String(value ?? "-"));
}

function providersTry(file: string, options: TryOptions): Report {
  const { adapters, only } = createReaders(options);
  const events = valuesIn(file).flatMap((value, index) => {
    const message = toMessage(value);
    const adapter = only ?? adapters.find(({ serves }) => serves(message));
    if (adapter) return eventsOfBatch(adapter, message) ?? toOAuthEvent(adapter, message);
    throw new UsageError(
      `the provider of event ${index + 1} is unknown. Set --provider or --mapping`,
    );
  });
  const head = ["CODE", "TYPE", "OUTCOME", "TIME", "CLIENT", "USER", "IP"];
  const list = tableOr("No events found.", head, events.map(getRow));
  const first = events[0]
    ? `\n\nThe first event, as it would be stored:\n${printableJson(events[0])}`
    : "";
  return { json: { events }, text: `${list}${first}` };
}

export function registerProviders(program: ReportCommand): void {
  program
    .command("providers")
    .description("check identity provider events")
    .command("try")
    .description("show how provider events would be stored, without storing them")
    .argument("<file>", "JSON file: one event, a list of events, or one event per line")
    .option("--mapping <file>", "JSON file: one mapping, or the whole configuration")
    .option("--provider <name>", "auth0, okta, entra, keycloak, ping or cognito")
    .examples(
      "providers try events.json --mapping acme.json",
      "providers try system-log.json --provider okta --json",
    )
    .run(providersTry);
}
