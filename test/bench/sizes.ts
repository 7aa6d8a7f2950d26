/**
 * Returns the sizes for a benchmark from a comma-separated environment variable, or default sizes that take a few
 * minutes.
 */
export function sizes(variable: string, usual: readonly number[]): readonly number[] {
  const text = process.env[variable];
  if (text === undefined) return usual;
  const chosen = text.split(",").map(Number);
  if (!chosen.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new Error(`${variable} must be whole numbers separated by commas, such as 10000,100000`);
  }
  return chosen;
}
