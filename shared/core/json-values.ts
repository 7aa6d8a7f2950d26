/**
 * Parses user input that is either one JSON value or one value per line.
 *
 * @param refuse returns the error for a line that isn't JSON; lines count from 1
 */
export function jsonValues(text: string, refuse: (line: number) => Error): unknown[] {
  try {
    return [JSON.parse(text) as unknown];
  } catch {
    // Not a single value, so try one per line.
  }
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch {
      throw refuse(index + 1);
    }
  });
}
