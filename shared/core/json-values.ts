/**
 * The JSON values of a text that a person gives: one value, or one a line.
 *
 * @param refuse the error for a line that is not JSON, by its number from 1
 */
export function jsonValues(text: string, refuse: (line: number) => Error): unknown[] {
  try {
    return [JSON.parse(text) as unknown];
  } catch {
    // Not one value. It may be one a line.
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
