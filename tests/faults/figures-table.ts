/**
 * The table of docs/faults.md, made from docs/figures.json.
 */
const BEGIN = '<!-- figures -->';
const END = '<!-- end of figures -->';
const ABOUT = ['date', 'commit', 'machine', 'seed'];

/** The page with its table made anew. @throws when the page has no place for it */
export function withFigures(page: string, figures: Readonly<Record<string, object>>): string {
  const [before, rest] = page.split(BEGIN) as [string, string?];
  const [, after] = (rest ?? '').split(END);
  if (after === undefined) throw new Error(`the page has no ${BEGIN} … ${END}`);
  const rows = Object.entries(figures).flatMap(([name, entry]) => {
    if (!name.startsWith('faults ')) return [];
    const { date, commit, seed } = entry as { date: string; commit: string; seed?: number };
    const told = Object.entries(entry)
      .filter(([what, value]) => !ABOUT.includes(what) && typeof value !== 'object') // those are for the file
      .map(([what, value]) => `${what} ${value}`)
      .join(', ');
    return [
      `- \`${name.slice('faults '.length)}\` (${date}, commit ${commit}${seed === undefined ? '' : `, seed ${seed}`}): ${told}`,
    ];
  });
  return `${before}${BEGIN}\n\n${rows.join('\n')}\n\n${END}${after}`;
}
