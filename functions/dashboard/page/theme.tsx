import { useEffect, useState } from "preact/hooks";

const KEY = "oauth-monitoring.theme";
const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

const stored = (): Theme => THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? "auto";

/** Selects the light, dark or system theme. */
export function ThemePicker() {
  const [theme, setTheme] = useState(stored);
  useEffect(() => {
    localStorage.setItem(KEY, theme);
    document.documentElement.dataset.theme = theme;
    document.documentElement.dispatchEvent(new Event("themechange"));
  }, [theme]);
  return (
    <label class="select">
      <span class="visually-hidden">Theme</span>
      <select value={theme} onChange={(event) => setTheme(event.currentTarget.value as Theme)}>
        <option value="auto">Auto</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}
