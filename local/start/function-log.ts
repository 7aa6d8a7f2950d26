import { createWriteStream } from "node:fs";

/** Whether a log line is routine: a metric, or below warning level. */
function isEveryday(line: string): boolean {
  try {
    const { _aws, level } = JSON.parse(line.slice(line.indexOf("{")));
    return _aws !== undefined || level === "INFO" || level === "DEBUG";
  } catch {
    return false;
  }
}

/** Returns a logger for the functions. It writes every line to a file, and prints lines that are not routine. */
export function createFunctionLog(
  file: string,
  show: (line: string) => void,
): (line: string) => void {
  const stream = createWriteStream(file);
  return (line) => {
    stream.write(`${line}\n`);
    if (!isEveryday(line)) show(line);
  };
}
