/** A choice of a form that is read when it is sent. `defaultValue` does nothing on a `<select>` here, so the option itself is marked. */
export function ChoiceField<Value extends string>({
  title,
  name,
  value,
  words,
}: {
  title: string;
  name: string;
  value: Value;
  /** Shown for each value, in this order. */
  words: Readonly<Record<Value, string>>;
}) {
  return (
    <label>
      {title}
      <select name={name}>
        {Object.entries<string>(words).map(([option, text]) => (
          <option key={option} value={option} selected={option === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
