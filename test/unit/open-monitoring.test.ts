import { describe, expect, it } from "vitest";
import { InvalidConfigError } from "../../shared/config/monitoring-config.ts";
import { openMonitoring } from "../../shared/stack/open-monitoring.ts";

const ENVIRONMENT = {
  TOKENS_TABLE: "tokens",
  AUTHORIZATION_CODES_TABLE: "codes",
  SESSIONS_TABLE: "sessions",
  CREDENTIALS_TABLE: "credentials",
  ACTIONS_TABLE: "actions",
  DENY_LIST_TABLE: "deny_list",
  CLIENTS_TABLE: "clients",
  EVENTS_TABLE: "events",
  COUNTERS_TABLE: "counters",
  ISSUANCES_TABLE: "issuances",
  EVENT_BUS_NAME: "bus",
  OAUTH_MONITORING_CONFIG: '{"realm":"shop"}',
};

describe("openMonitoring", () => {
  it("reads table names and configuration from the environment", () => {
    expect(openMonitoring({ environment: ENVIRONMENT })).toMatchObject({
      tokensTable: "tokens",
      authorizationCodesTable: "codes",
      sessionsTable: "sessions",
      credentialsTable: "credentials",
      actionsTable: "actions",
      denyListTable: "deny_list",
      clientsTable: "clients",
      eventsTable: "events",
      countersTable: "counters",
      issuancesTable: "issuances",
      config: { realm: "shop", cleanup: { everyMinutes: 60 } },
    });
  });

  it("throws an error that names every missing variable", () => {
    const { EVENT_BUS_NAME: _bus, TOKENS_TABLE: _tokens, ...rest } = ENVIRONMENT;
    const open = () => openMonitoring({ environment: rest });
    expect(open).toThrow(InvalidConfigError);
    expect(open).toThrow(/TOKENS_TABLE: .*EVENT_BUS_NAME: /);
  });
});
