/** Returns the start times of the steps that overlap [fromMs, toMs). Each step starts at a multiple of `stepMs`. */
export function steps(fromMs: number, toMs: number, stepMs: number): number[] {
  const starts: number[] = [];
  const firstMs = Math.floor(fromMs / stepMs) * stepMs;
  for (let start = firstMs; start < toMs; start += stepMs) starts.push(start);
  return starts;
}
