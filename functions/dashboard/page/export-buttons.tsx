import { type Row, toCsv } from "./export.ts";

interface ExportButtonsProps {
  readonly title: string;
  /** File name without extension. */
  readonly name: string;
  readonly rows: readonly Row[];
}

function download(name: string, type: string, content: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  // After a second, the download has started and the URL can be revoked.
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Buttons that export the contents of a panel. */
export function ExportButtons({ title, name, rows }: ExportButtonsProps) {
  return (
    <span class="exports">
      <button
        type="button"
        class="quiet"
        aria-label={`Export ${title} as CSV`}
        onClick={() => download(`${name}.csv`, "text/csv", toCsv(rows))}
      >
        CSV
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={`Export ${title} as JSON`}
        onClick={() => download(`${name}.json`, "application/json", JSON.stringify(rows, null, 2))}
      >
        JSON
      </button>
    </span>
  );
}
