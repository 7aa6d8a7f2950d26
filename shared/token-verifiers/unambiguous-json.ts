/** Maximum nesting depth of a token's JSON. */
const MAX_DEPTH = 16;

/** Returns the index after the closing quote of the JSON string at `start`. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (text[index] !== '"') index += text[index] === "\\" ? 2 : 1;
  return index + 1;
}

/** Whether valid JSON repeats a member name within an object, or is nested too deeply. */
function isAmbiguous(text: string): boolean {
  const names: (Set<string> | undefined)[] = [];
  let isName = false;
  for (let index = 0; index < text.length; ) {
    const character = text[index];
    if (character === '"') {
      const end = endOfString(text, index);
      if (isName) {
        const raw = text.slice(index, end);
        const name = raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
        const seen = names.at(-1);
        if (seen?.has(name)) return true;
        seen?.add(name);
        isName = false;
      }
      index = end;
      continue;
    }
    if (character === "{" || character === "[") {
      names.push(character === "{" ? new Set() : undefined);
      isName = character === "{";
      if (names.length > MAX_DEPTH) return true;
    } else if (character === "}" || character === "]") {
      names.pop();
    } else if (character === ",") {
      isName = names.at(-1) !== undefined;
    }
    index += 1;
  }
  return false;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses a JSON object from UTF-8. Rejects duplicate member names, because all parsers must read the same
 * token (RFC 8725, section 2.4 and RFC 7519, section 4).
 *
 * @returns undefined for anything else
 */
export function parseUnambiguousObject(
  bytes: Uint8Array,
): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = UTF8.decode(bytes);
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return isAmbiguous(text) ? undefined : (value as Record<string, unknown>);
  } catch {
    return undefined;
  }
}
