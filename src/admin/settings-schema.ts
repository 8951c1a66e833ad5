/** The zod schemas of group settings, from their rows (`core/controller/operator/group-settings.ts`). */
import { z } from "zod";
import {
  type GroupSetting,
  type GroupSettings,
  groupSettingRows,
  isSetting,
  type SettingTable,
} from "../core/controller/operator/group-settings.js";

type Value<V> = V extends object ? z.ZodObject<Shape<V>> : z.ZodType<V>;
type Shape<Values> = { readonly [Name in keyof Values]: Value<Values[Name]> };
type Change<V> = V extends object ? z.ZodObject<ChangeShape<V>> : z.ZodType<V>;
type ChangeShape<Values> = { readonly [Name in keyof Values]: z.ZodOptional<Change<Values[Name]>> };

/** As views have them: what is stored may lie outside of today's limits. */
export const groupSettings = z.strictObject(shapeOf(groupSettingRows, stored) as unknown as Shape<GroupSettings>);

/** As documents have them: one that was written before there was a setting gets its default. */
export const documentSettings = z.strictObject(shapeOf(groupSettingRows, storedOrInitial) as unknown as Shape<GroupSettings>);

/** As an order may set them. */
export const settingsChange = changeOf(groupSettingRows) as unknown as z.ZodObject<ChangeShape<GroupSettings>>;

type Schema = (setting: GroupSetting) => z.ZodType;

function shapeOf(table: SettingTable, schema: Schema): Record<string, z.ZodType> {
  const schemaOf = (row: GroupSetting | SettingTable): z.ZodType =>
    isSetting(row) ? schema(row).describe(row.label) : z.strictObject(shapeOf(row, schema));
  return Object.fromEntries(Object.entries(table).map(([name, row]) => [name, schemaOf(row)]));
}

function changeOf(table: SettingTable): z.ZodType {
  const schemaOf = (row: GroupSetting | SettingTable): z.ZodType => (isSetting(row) ? settable(row) : changeOf(row));
  return z.strictObject(Object.fromEntries(Object.entries(table).map(([name, row]) => [name, schemaOf(row).optional()])));
}

function stored(setting: GroupSetting): z.ZodType {
  switch (setting.kind) {
    case "switch":
      return z.boolean();
    case "choice":
      return z.enum(setting.choices as [string, ...string[]]);
    case "number":
      return setting.unit === "seconds" ? z.number() : z.int();
    case "bound":
      return z.int().nullable();
  }
}

function storedOrInitial(setting: GroupSetting): z.ZodType {
  return stored(setting).default(setting.initial);
}

/** The limits that hold on every controller; `--lab` and one value beside another are the controller's to judge. */
function settable(setting: GroupSetting): z.ZodType {
  if (setting.kind === "number") {
    const least = setting.labMin === undefined ? setting.min : 0;
    return setting.unit === "seconds" ? z.number().min(least).max(setting.max) : z.int().min(least).max(setting.max);
  }
  return setting.kind === "bound" ? z.int().min(setting.min).nullable() : stored(setting);
}
