/**
 * Parses user input that is either a single JSON value or one JSON value per line.
 *
 * @param refuse creates the error for a line that isn't JSON; line numbers start at 1
 */
export function jsonValues(text: string, refuse: (line: number) => Error): unknown[] {
  try {
    return [JSON.parse(text) as unknown];
  } catch {
    // The text isn't a single JSON value, so each line is parsed separately.
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
