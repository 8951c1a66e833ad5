/** The table of every list: sorted by any column, filtered by words, and rendered a page at a time so that a thousand rows cost as little as fifty. */
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { countText } from "../state/format.js";

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Sort key; without one, the column cannot be sorted. */
  readonly sortBy?: (row: Row) => string | number;
  readonly numeric?: boolean;
  /** For text of any length chosen by others: it wraps instead of pushing the rest out of view. */
  readonly wraps?: boolean;
  /** Omitted on narrow screens. */
  readonly extra?: boolean;
}

/** The column of a row's acts; absent for users who may not act. */
export const actColumn = <Row,>(mayChange: boolean, cell: Column<Row>["cell"]): readonly Column<Row>[] =>
  mayChange ? [{ title: "", cell }] : [];

interface TableProps<Row> {
  readonly caption: string;
  /** Hides the caption visually where a heading says the same. */
  readonly captionHidden?: boolean;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string | number;
  /** Shown instead of an empty table: how to fill it. */
  readonly empty: ComponentChildren;
  /** Text of a row that the filter searches; without it there is no filter. */
  readonly searchText?: (row: Row) => string;
  readonly tools?: ComponentChildren;
  readonly pageSize?: number;
}

interface Sorting {
  readonly column: number;
  readonly descending: boolean;
}

const natural = new Intl.Collator("en", { numeric: true });
const compare = (a: string | number, b: string | number): number =>
  typeof a === "number" && typeof b === "number" ? a - b : natural.compare(String(a), String(b));

export function Table<Row>(props: TableProps<Row>) {
  const { columns, rows, pageSize = 50 } = props;
  const [sorting, setSorting] = useState<Sorting | null>(null);
  const [filter, setFilter] = useState("");
  const [page, setPage] = useState(0);

  const found = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const { searchText } = props;
    const kept =
      words.length === 0 || searchText === undefined
        ? rows
        : rows.filter((row) => {
            const text = searchText(row).toLowerCase();
            return words.every((word) => text.includes(word));
          });
    const by = sorting === null ? undefined : columns[sorting.column]?.sortBy;
    if (by === undefined) return kept;
    const sign = sorting?.descending ? -1 : 1;
    return kept
      .map((row) => ({ row, key: by(row) }))
      .sort((a, b) => sign * compare(a.key, b.key))
      .map(({ row }) => row);
  }, [rows, filter, sorting, columns, props.searchText]);

  const pages = Math.max(1, Math.ceil(found.length / pageSize));
  const shownPage = Math.min(page, pages - 1);
  const shown = found.slice(shownPage * pageSize, (shownPage + 1) * pageSize);
  const sort = (column: number): void =>
    setSorting(sorting?.column === column ? (sorting.descending ? null : { column, descending: true }) : { column, descending: false });

  return (
    <div class="table-block">
      {(props.searchText !== undefined || props.tools !== undefined) && (
        <div class="table-tools">
          {props.searchText !== undefined && (
            <input
              type="search"
              placeholder="Filter"
              aria-label={`Filter: ${props.caption}`}
              value={filter}
              onInput={(event) => {
                setFilter(event.currentTarget.value);
                setPage(0);
              }}
            />
          )}
          {props.tools}
        </div>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <section class="table-scroll" tabIndex={0} aria-label={props.caption}>
        <table>
          <caption class={props.captionHidden ? "visually-hidden" : ""}>{props.caption}</caption>
          <thead>
            <tr>
              {columns.map((column, index) => (
                <th
                  key={column.title}
                  scope="col"
                  class={cellClass(column)}
                  aria-sort={sorting?.column === index ? (sorting.descending ? "descending" : "ascending") : undefined}
                >
                  {column.sortBy === undefined ? (
                    column.title
                  ) : (
                    <button type="button" class="sort" onClick={() => sort(index)}>
                      {column.title}
                      <span aria-hidden="true">{sorting?.column === index ? (sorting.descending ? " ↓" : " ↑") : ""}</span>
                    </button>
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={props.rowKey(row)}>
                {columns.map((column) => (
                  <td key={column.title} class={cellClass(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {shown.length === 0 && <p class="empty">{filter === "" ? props.empty : `Nothing here matches “${filter}”.`}</p>}
      </section>
      {found.length > pageSize && (
        <nav class="pager" aria-label={`Pages: ${props.caption}`}>
          <button type="button" disabled={shownPage === 0} onClick={() => setPage(shownPage - 1)}>
            Previous
          </button>
          <span>
            {shownPage * pageSize + 1}–{shownPage * pageSize + shown.length} of {countText(found.length, "row")}
          </span>
          <button type="button" disabled={shownPage >= pages - 1} onClick={() => setPage(shownPage + 1)}>
            Next
          </button>
        </nav>
      )}
    </div>
  );
}

const cellClass = <Row,>({ numeric, extra, wraps }: Column<Row>): string =>
  Object.entries({ numeric, extra, wraps })
    .flatMap(([name, holds]) => (holds ? [name] : []))
    .join(" ");
