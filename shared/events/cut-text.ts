/** Returns the beginning of a text in at most `bytes` bytes of UTF-8, without splitting a character. */
export function cutText(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  // In stream mode, the decoder holds back an incomplete last character.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(encoded.subarray(0, bytes), {
    stream: true,
  });
}
