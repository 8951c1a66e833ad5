import { useLive } from "../state/live.js";
import { linkTo } from "../state/route.js";
import { Tabs } from "../ui/tabs.js";
import { GroupGeneral } from "./group-general.js";
import { GroupImageUpgrade } from "./group-image-upgrade.js";

export function GroupPage({ name, tab }: { name: string; tab: string }) {
  const group = useLive((state) => state.groups.get(name));
  const connection = useLive((state) => state.connection);
  const current = tab === "image-upgrade" ? tab : "general";
  return (
    <>
      <p class="path">
        Wireless › <a href={linkTo("wireless", "groups")}>FlexConnect Groups</a>
      </p>
      <h1>{name}</h1>
      {group === undefined && connection === "connecting" && <p class="muted">Asking the controller…</p>}
      {group === undefined && connection !== "connecting" && (
        <p>
          There is no group of this name; it may have been deleted. <a href={linkTo("wireless", "groups")}>See all groups</a>.
        </p>
      )}
      {group !== undefined && (
        <Tabs
          label={`Settings of ${name}`}
          current={current}
          tabs={[
            { id: "general", title: "General", link: linkTo("wireless", "groups", name, "general") },
            { id: "image-upgrade", title: "Image Upgrade", link: linkTo("wireless", "groups", name, "image-upgrade") },
          ]}
        >
          {current === "general" ? <GroupGeneral group={group} /> : <GroupImageUpgrade group={group} />}
        </Tabs>
      )}
    </>
  );
}
