/** Light, dark or the system's setting; remembered in this browser. */
export const themes = ["system", "light", "dark"] as const;
type Theme = (typeof themes)[number];

const storageKey = "flexup-colours";

export function currentTheme(): Theme {
  const stored = localStorage.getItem(storageKey);
  return themes.find((theme) => theme === stored) ?? "system";
}

export function setTheme(name: string): void {
  localStorage.setItem(storageKey, name);
  applyTheme();
}

export function applyTheme(): void {
  const theme = currentTheme();
  document.documentElement.style.colorScheme = theme === "system" ? "light dark" : theme;
}

applyTheme();
