/** Returns the starts of the steps that overlap [fromMs, toMs). A step starts at a multiple of its length. */
export function steps(fromMs: number, toMs: number, stepMs: number): number[] {
  const starts: number[] = [];
  const firstMs = Math.floor(fromMs / stepMs) * stepMs;
  for (let start = firstMs; start < toMs; start += stepMs) starts.push(start);
  return starts;
}
