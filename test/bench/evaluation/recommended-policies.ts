import type { MonitoringConfigInput } from "../../../shared/config/monitoring-config.ts";

/** The policies that docs/actions.md recommends. `npm run bench -- detection` measures their effect. */
export const RECOMMENDED = {
  actionsPerHour: 10,
  rules: {
    failure_burst: { mode: "enforce", action: "block", blockMinutes: 60 },
    token_theft: { mode: "enforce", action: "revoke" },
    scope_probing: { mode: "propose", action: "revoke" },
    scraping: { mode: "propose", action: "revoke" },
    success_after_failures: { mode: "propose", action: "revoke" },
    persistent_failures: { mode: "propose", action: "block", blockMinutes: 60 },
  },
} as const satisfies MonitoringConfigInput["responses"];
