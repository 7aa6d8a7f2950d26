import type { MonitoringConfigInput } from "../../../shared/config/monitoring-config.ts";

/** The policies that docs/actions.md recommends. Their figures are told by `npm run bench -- detection`. */
export const RECOMMENDED = {
  actionsPerHour: 10,
  rules: {
    failure_burst: { mode: "enforce", action: "block", blockMinutes: 60 },
    token_theft: { mode: "propose", action: "revoke" },
    scraping: { mode: "propose", action: "block", blockMinutes: 60 },
    scope_probing: { mode: "propose", action: "block", blockMinutes: 60 },
    success_after_failures: { mode: "propose", action: "revoke" },
  },
} as const satisfies MonitoringConfigInput["responses"];
