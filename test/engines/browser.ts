import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../source/http-server.ts";
import { bundle } from "./bundle.ts";
import { collect, type Driver } from "./driver.ts";
import { serveProject } from "./project-server.ts";
import { start } from "./spawn.ts";

interface Browser {
  /** Names of the program; the first that is found is taken. */
  programs: string[];
  install: string;
  args(profile: string, url: string): string[];
  /** Written into the fresh profile. */
  preferences?: string;
}

/** Nothing is asked of the network, and nothing waits for a user. */
export const BROWSERS: Record<"chromium" | "firefox", Browser> = {
  chromium: {
    programs: ["chromium", "chromium-browser", "google-chrome"],
    install: "apt-get install chromium",
    args: (profile, url) => [
      ...["--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync", "--mute-audio"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-default-apps"],
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      `--user-data-dir=${profile}`,
      url,
    ],
  },
  firefox: {
    programs: ["firefox-esr", "firefox"],
    install: "apt-get install firefox-esr",
    args: (profile, url) => ["--headless", "--no-remote", "--profile", profile, url],
    preferences: `
      user_pref("dom.max_script_run_time", 0);
      user_pref("app.update.enabled", false);
      user_pref("browser.shell.checkDefaultBrowser", false);
      user_pref("browser.startup.homepage_override.mstone", "ignore");
      user_pref("datareporting.policy.dataSubmissionEnabled", false);
      user_pref("toolkit.telemetry.enabled", false);
      user_pref("network.captive-portal-service.enabled", false);
      user_pref("network.connectivity-service.enabled", false);
      user_pref("browser.safebrowsing.malware.enabled", false);
      user_pref("browser.safebrowsing.phishing.enabled", false);
      user_pref("extensions.getAddons.cache.enabled", false);
      user_pref("trailhead.firstrun.didSeeAboutWelcome", true);
    `,
  },
};

/** The program's path. @throws Error that says what to install */
export function findProgram({ programs, install }: Pick<Browser, "programs" | "install">): string {
  const folders = (process.env.PATH ?? "").split(":");
  for (const program of programs) {
    const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
    if (found) return found;
  }
  throw new Error(`${programs.join(" or ")} is not installed: ${install}`);
}

/**
 * Opens the suites as a page, in a profile of its own, and gathers what the page sends.
 * @param isolated whether the page is cross-origin isolated
 */
export const browserDriver =
  (name: keyof typeof BROWSERS, isolated = false): Driver =>
  async (files) => {
    const browser = BROWSERS[name];
    const program = findProgram(browser);
    const module = await bundle("page.ts", files);
    const collector = collect();
    const server = await serveProject(module, collector.onMessage, isolated);
    const profile = mkdtempSync(join(tmpdir(), `phi-ts-${name}-`));
    if (browser.preferences) writeFileSync(join(profile, "user.js"), browser.preferences);
    const query = new URLSearchParams({ server: await startServer(), ...(isolated && { isolated: "" }) });
    const url = `${server.url}?${query}`;
    const said: string[] = [];
    const started = start(program, browser.args(profile, url), { line: (text) => said.push(text) });
    try {
      const died = started.ended.then((code) => {
        throw new Error(`${program} ended (${code}) before the tests did:\n${said.slice(-20).join("\n")}`);
      });
      return await Promise.race([collector.done, died]);
    } finally {
      await started.stop();
      server.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    }
  };
