import { createWriteStream } from "node:fs";

/** Whether a line is routine: a metric, or below the level of a warning. */
function isEveryday(line: string): boolean {
  try {
    const { _aws, level } = JSON.parse(line.slice(line.indexOf("{")));
    return _aws !== undefined || level === "INFO" || level === "DEBUG";
  } catch {
    return false;
  }
}

/**
 * The functions' log. Every line goes to a file, instead of CloudWatch Logs. Lines that are not routine are also
 * shown.
 */
export function createFunctionLog(
  file: string,
  show: (line: string) => void,
): (line: string) => void {
  const kept = createWriteStream(file);
  return (line) => {
    kept.write(`${line}\n`);
    if (!isEveryday(line)) show(line);
  };
}
