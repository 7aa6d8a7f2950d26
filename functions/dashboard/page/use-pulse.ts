import { useEffect, useState } from "preact/hooks";

/** A refresh of the page. All data loaded in one beat uses the same time. */
export interface Pulse {
  /** Number of refreshes so far. */
  readonly beat: number;
  /** Number of manual refreshes. */
  readonly manualRefreshes: number;
  readonly nowMs: number;
}

interface PulseState extends Pulse {
  readonly online: boolean;
  /** Refreshes all data immediately. */
  readonly refresh: () => void;
}

export const BEAT_MS = 10_000;

/**
 * Beats every ten seconds while the page is live, the tab is visible and the machine is online. Beats immediately
 * if one of these conditions becomes true again after more than ten seconds.
 */
export function usePulse(live: boolean): PulseState {
  const [pulse, setPulse] = useState<Pulse>(() => ({
    beat: 0,
    manualRefreshes: 0,
    nowMs: Date.now(),
  }));
  const [online, setOnline] = useState(navigator.onLine);
  const [hidden, setHidden] = useState(document.hidden);
  const advance = (manual: number) =>
    setPulse(({ beat, manualRefreshes }) => ({
      beat: beat + 1,
      manualRefreshes: manualRefreshes + manual,
      nowMs: Date.now(),
    }));

  useEffect(() => {
    const updateState = () => {
      setOnline(navigator.onLine);
      setHidden(document.hidden);
    };
    window.addEventListener("online", updateState);
    window.addEventListener("offline", updateState);
    document.addEventListener("visibilitychange", updateState);
    return () => {
      window.removeEventListener("online", updateState);
      window.removeEventListener("offline", updateState);
      document.removeEventListener("visibilitychange", updateState);
    };
  }, []);

  const beating = live && online && !hidden;
  useEffect(() => {
    if (!beating) return;
    const waitMs = Math.max(0, pulse.nowMs + BEAT_MS - Date.now());
    const timer = setTimeout(() => advance(0), waitMs);
    return () => clearTimeout(timer);
  }, [beating, pulse]);

  return { ...pulse, online, refresh: () => advance(1) };
}
