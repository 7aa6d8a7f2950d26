import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFIG_FILE } from "../shared/config/environment.ts";
import type { MonitoringConfigInput } from "../shared/config/monitoring-config.ts";

/** Writes a configuration file like the one in a function's asset. Returns its folder, for `LAMBDA_TASK_ROOT`. */
export function writeConfigFile(config: MonitoringConfigInput = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "oauth-monitoring-config-"));
  writeFileSync(join(folder, CONFIG_FILE), JSON.stringify(config));
  return folder;
}
