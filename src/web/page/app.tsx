import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { SessionView } from "../../admin/access-views.js";
import { ApPage } from "./pages/ap.js";
import { ApsPage } from "./pages/aps.js";
import { AuditPage } from "./pages/audit.js";
import { CredentialsPage } from "./pages/credentials.js";
import { DashboardPage } from "./pages/dashboard.js";
import { EventsPage } from "./pages/events.js";
import { GroupPage } from "./pages/group.js";
import { GroupsPage } from "./pages/groups.js";
import { ImagesPage } from "./pages/images.js";
import { LoginPage } from "./pages/login.js";
import { RunPage, RunsPage } from "./pages/runs.js";
import { StorageNote } from "./pages/storage-note.js";
import { TrustNotes } from "./pages/trust-notes.js";
import { UsersPage } from "./pages/users.js";
import { liveAddress } from "./state/api.js";
import { followController, useLive } from "./state/live.js";
import { linkTo, type Route, useRoute } from "./state/route.js";
import { hasLogin, logOut, refreshSession, useSession } from "./state/session.js";
import { currentTheme, setTheme, themes } from "./state/theme.js";
import { Note } from "./ui/note.js";
import { Toasts } from "./ui/toast.js";

interface Place {
  readonly title: string;
  /** The first parts of the route, which are also its address. */
  readonly at: readonly string[];
  /** @param rest the route's parts after `at` */
  readonly page: (rest: Route, session: SessionView) => ComponentChildren;
}

interface Section {
  readonly section: string;
  readonly places: readonly Place[];
}

const sections: readonly Section[] = [
  {
    section: "Monitor",
    places: [
      { title: "Dashboard", at: [], page: () => <DashboardPage /> },
      { title: "Runs", at: ["monitor", "runs"], page: ([id]) => (id === undefined ? <RunsPage /> : <RunPage id={Number(id)} />) },
      { title: "Events", at: ["monitor", "events"], page: () => <EventsPage /> },
    ],
  },
  {
    section: "Wireless",
    places: [
      { title: "Access Points", at: ["wireless", "aps"], page: ([mac]) => (mac === undefined ? <ApsPage /> : <ApPage mac={mac} />) },
      {
        title: "FlexConnect Groups",
        at: ["wireless", "groups"],
        page: ([name, tab]) => (name === undefined ? <GroupsPage /> : <GroupPage key={name} name={name} tab={tab ?? "general"} />),
      },
      { title: "AP Credentials", at: ["wireless", "credentials"], page: () => <CredentialsPage /> },
      { title: "Images", at: ["wireless", "images"], page: () => <ImagesPage /> },
    ],
  },
  {
    section: "Management",
    places: [
      { title: "Users", at: ["management", "users"], page: (_rest, session) => <UsersPage session={session} /> },
      { title: "Audit", at: ["management", "audit"], page: () => <AuditPage /> },
    ],
  },
];

const startsWith = (route: Route, at: readonly string[]): boolean =>
  at.length === 0 ? route.length === 0 : at.every((part, index) => route[index] === part);

export function App() {
  const session = useSession();
  if (session === undefined) return <p class="loading">Asking the controller…</p>;
  if (session === null) return <LoginPage />;
  return <Shell session={session} />;
}

function Shell({ session }: { session: SessionView }) {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const [menuOpen, setMenuOpen] = useState(false);
  useEffect(() => followController(liveAddress, () => void refreshSession()), []);

  const place = sections.flatMap((section) => section.places).find(({ at }) => startsWith(route, at));
  const address = route.join("/");
  const first = useRef(true);
  // Navigation moves the focus to the new page and closes the menu.
  useEffect(() => {
    setMenuOpen(false);
    document.title = `${place?.title ?? "Not found"} · flexup`;
    if (first.current) first.current = false;
    else if (!main.current?.contains(document.activeElement)) {
      // The browser alone would scroll the heading under a phone's top bar.
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  }, [address]);

  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <header class={menuOpen ? "side open" : "side"}>
        <div class="brand">
          <img src="/icon.svg" alt="" width="28" height="28" />
          <a href={linkTo()}>flexup</a>
          <button type="button" class="menu-button" aria-expanded={menuOpen} onClick={() => setMenuOpen(!menuOpen)}>
            Menu
          </button>
        </div>
        <nav aria-label="Main">
          {sections.map(({ section, places }) => (
            <div key={section}>
              <h2>{section}</h2>
              <ul>
                {places.map(({ title, at }) => (
                  <li key={title}>
                    <a href={linkTo(...at)} aria-current={startsWith(route, at) ? "page" : undefined}>
                      {title}
                    </a>
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </nav>
        <footer>
          <Connection />
          <ThemeChoice />
          <div class="who">
            <span>
              {session.name} <span class="muted">{session.role}</span>
            </span>
            {hasLogin(session) && (
              <button type="button" class="quiet" onClick={() => void logOut()}>
                Log out
              </button>
            )}
          </div>
        </footer>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <StorageNote />
        <TrustNotes />
        {session.role === "read-only" && (
          <Note tone="info">
            You are logged in read-only: you see everything but cannot change anything. An admin can give you the role operator.
          </Note>
        )}
        {place === undefined ? <NotFound /> : place.page(route.slice(place.at.length), session)}
      </main>
      <Toasts />
    </div>
  );
}

const connectionWords = { connecting: "Connecting…", live: "Live", lost: "Connection lost, trying again" } as const;

function Connection() {
  const connection = useLive((state) => state.connection);
  return (
    <p class={`connection ${connection}`} role="status">
      {connectionWords[connection]}
    </p>
  );
}

function ThemeChoice() {
  const [theme, choose] = useState(currentTheme);
  return (
    <label class="theme">
      Colours
      <select
        value={theme}
        onChange={(event) => {
          setTheme(event.currentTarget.value);
          choose(currentTheme());
        }}
      >
        {themes.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

function NotFound() {
  return (
    <>
      <h1>No such page</h1>
      <p>
        There is nothing at this address. <a href={linkTo()}>Go to the dashboard</a>.
      </p>
    </>
  );
}
