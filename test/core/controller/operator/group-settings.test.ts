import t from "tap";
import {
  changedSettings,
  type GroupSettingsChange,
  groupSettingList,
  initialSettings,
  settingAt,
} from "../../../../src/core/controller/operator/group-settings.js";

const outside = { lab: false };

t.test("every row has its default, and setting it again changes nothing", async (t) => {
  const initial = initialSettings();
  t.equal(groupSettingList.length, 13);
  for (const { setting, path } of groupSettingList) t.equal(settingAt(initial, path), setting.initial, path.join("."));
  t.same(changedSettings(initial, initial, outside), { ok: true, value: initial });
});

t.test("a change touches what it names alone, and takes nothing that is not a setting", async (t) => {
  const initial = initialSettings();
  const change = { retryCount: 5, wan: { transfersMax: 3 }, aps: ["00:0a:b8:00:00:01"] } as GroupSettingsChange;
  const expected = { ...initial, retryCount: 5, wan: { ...initial.wan, transfersMax: 3 } };
  t.same(changedSettings(initial, change, outside), { ok: true, value: expected });
});

t.test("values outside of their row are refused by name", async (t) => {
  const cases: readonly (readonly [GroupSettingsChange, string])[] = [
    [{ retryCount: 0 }, "The retry count is 0; it must be 1 to 63."],
    [{ retryCount: 1.5 }, "The retry count is 1.5; it must be 1 to 63."],
    [{ backoffSecondsMin: 99 }, "The back-off in seconds is 99; it must be 100 to 3600."],
    [{ backoffSecondsMin: 300 }, "The lower bound of the back-off (300 s) must be below the upper one (300 s)."],
    [{ wan: { transfersMax: 201 } }, "The number of WAN transfers is 201; it must be 1 to 200."],
    [{ wan: { bytesPerSecondMax: 999 } }, `The WAN rate in bytes per second is 999; it must be 1000 to ${Number.MAX_SAFE_INTEGER}.`],
    [{ wan: { fallbackApsMax: -1 } }, `The fallback budget in APs is -1; it must be 0 to ${Number.MAX_SAFE_INTEGER}.`],
    [{ wan: { fallbackBytesMax: Number.NaN } }, `The fallback budget in bytes is NaN; it must be 0 to ${Number.MAX_SAFE_INTEGER}.`],
  ];
  for (const [change, message] of cases) t.match(changedSettings(initialSettings(), change, outside), { failure: { message } }, message);
});

t.test("a lab may back off for less, a limit may be off", async (t) => {
  const initial = initialSettings();
  t.match(changedSettings(initial, { backoffSecondsMin: 0.05 }, { lab: true }), { ok: true });
  t.match(changedSettings(initial, { backoffSecondsMin: 0.04 }, { lab: true }), { ok: false });
  t.match(changedSettings(initial, { wan: { bytesPerSecondMax: null } }, outside), { ok: true });
});
