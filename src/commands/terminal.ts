/**
 * Words for a terminal: colour where a person looks, plain text in a pipe or with NO_COLOR.
 */
import type { Tier } from '../core/decision.ts';

export interface Terminal {
  readonly write: (line: string) => void;
  readonly paint: (style: Style, text: string) => string;
  readonly width: number;
}

const STYLES = {
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  blue: '34',
  magenta: '35',
  cyan: '36',
  alarm: '1;97;41',
} as const;
export type Style = keyof typeof STYLES;

/** @param env for NO_COLOR and FORCE_COLOR, https://no-color.org */
export function terminalOn(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Terminal {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0';
  const coloured = !env.NO_COLOR && (forced || (stream.isTTY === true && env.TERM !== 'dumb'));
  return {
    write: (line) => void stream.write(`${line}\n`),
    paint: (style, text) => (coloured && text !== '' ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text),
    width: Math.max(60, Math.min(stream.columns ?? 110, 160)),
  };
}

export const TIER_STYLE: Readonly<Record<Tier, Style>> = {
  critical: 'alarm',
  high: 'red',
  moderate: 'yellow',
  low: 'cyan',
};

export interface Column<Row> {
  readonly head: string;
  readonly text: (row: Row) => string;
  readonly style?: (row: Row) => Style | undefined;
}

/** A table with as much width as its cells need; the last column takes what is left and is wrapped. */
export function table<Row>(terminal: Terminal, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  const widths = columns.map((column) =>
    Math.max(column.head.length, ...rows.map((row) => column.text(row).length)),
  );
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const last = Math.max(24, terminal.width - before);
  const line = (cells: readonly string[]): string => cells.join('  ').trimEnd();
  terminal.write(
    line(columns.map((column, index) => terminal.paint('bold', pad(column.head, index, widths)))),
  );
  for (const row of rows) {
    const cells = columns.map((column) => column.text(row));
    const [first = '', ...rest] = wrap(cells.at(-1) ?? '', last);
    const styled = [...cells.slice(0, -1), first].map((cell, index) => {
      const style = columns[index]?.style?.(row);
      const padded = pad(cell, index, widths);
      return style === undefined ? padded : terminal.paint(style, cell) + padded.slice(cell.length);
    });
    terminal.write(line(styled));
    for (const more of rest) terminal.write(' '.repeat(before) + more);
  }
}

function pad(cell: string, index: number, widths: readonly number[]): string {
  return index === widths.length - 1 ? cell : cell.padEnd(widths[index] ?? 0);
}

/** Breaks text at spaces; a single long word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
